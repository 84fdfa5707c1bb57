"""Questions to the database: of operators (``queries``, ``listings``) and of Prometheus (``measures``).

Answers are the frozen records of ``read_models``. Every function runs a constant number of statements, however many documents
there are. Nothing here changes a document; ``measures`` keeps the counters that are kept nowhere else.
"""
