"""The API: read-only JSON under ``/api/v1`` for programs, over the queries of the pages, with the same bounds and roles.

``resources`` says what there is: for each path a function, the record of its parameters and that of its answer. From these
records requests are checked, answers are written, and ``openapi`` makes the description. ``endpoint`` does what all have in
common: who asks (a token, or a session), roles, limits of calls, forms of the answer, ETag and errors. Why: ADR 41.
"""
