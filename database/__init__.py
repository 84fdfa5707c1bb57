"""The shared database: tables, migrations, and everything that is written to or read from it.

``ledger`` is what is to be done and what was tried; ``intake`` what comes in; ``reports`` the results, corrections and coverage;
``monitoring`` the queries of people and metrics; ``users`` accounts and the audit trail. Below them: ``models`` (the tables),
``views``, ``session`` (engines and transactions), ``sql``, ``clock`` (database time), ``blob``.

Functions take a connection inside a transaction; PostgreSQL and SQLite behave the same.
"""
