"""The operators' pages: a small web application that is rendered on the server.

How to add a page
-----------------
1. ``pages/NAME.py`` with functions that take a :class:`console.web.request.Visit` and give a response, and a table of routes::

       def show(visit: Visit) -> Response:
           with visit.reading() as connection:
               item = queries.something(connection, visit.number("id"))
           return visit.render("NAME.html", item=item)

       def decide(visit: Visit) -> Response:
           count = visit.write(lambda connection: something(connection, who=visit.who, reason=visit.form.text("reason")))
           visit.notify("NAME.decided", count=count)
           return visit.redirect("/NAME")

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
