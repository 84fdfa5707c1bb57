"""The operators' pages: a small web application that is rendered on the server.

A request goes through ``routing`` (who asks, whether they may) to a page of ``pages/``, which gets a :class:`PageRequest` and
takes what it shows from ``views/``; :mod:`console.rendering` draws pages of documents; :class:`AppContext` holds what all
requests share.

How to add a page
-----------------
1. ``pages/NAME.py`` with functions from a :class:`console.web.request.PageRequest` to a response, and a table of routes::

       def show(request: PageRequest) -> Response:
           with request.reading() as connection:
               item = queries.something(connection, request.number("id"))
           return request.render("NAME.html", item=item)

       def decide(request: PageRequest) -> Response:
           count = request.write(lambda connection: act(connection, who=request.user_name, reason=request.form.text("reason")))
           request.notify("NAME.decided", count=count)
           return request.redirect("/NAME")

       ROUTES = (get("/NAME/{id:int}", show, Role.VIEW), post("/NAME/{id:int}", decide, Role.OPERATE))

2. Name the module in ``pages/__init__.py`` (``MODULES``), and in ``NAVIGATION`` if it stands in the bar at the top.
3. ``templates/NAME.html`` that extends ``base.html`` and fills the blocks ``title`` and ``content``. A form that posts holds
   ``{{ csrf_field() }}``; without it the request is refused.
4. ``words/NAME.yaml``: every text that people see, in both languages: ``NAME: {title: {zh: 标题, en: Title}}``, shown by
   ``t("NAME.title")``, with ``{count}`` filled from ``t("NAME.some", count=3)``. Words of the domain (statuses, stages, error
   codes) are shown by ``label("status", item.status)``, which gives the name itself where there is no word for it.

What a page can rely on: the person is logged in and has the role, the request is theirs (CSRF), form fields and parameters
hold no control characters, everything shown is escaped. What it must keep: no SQL (queries and acts stand in ``database``),
no script or style inside a page (the Content-Security-Policy forbids it; ``static/`` holds both), no address outside of this
server. A table of many rows uses ``after=`` with the last key, never an offset.

Tests use the fixture ``desk`` of ``tests/console/web/conftest.py``: a client for each role (``desk.operator.get("/batches")``),
the engine, and ``desk.post(client, "/NAME/1", reason="…")``, which sends the CSRF token.
"""
