"""The shared database: models, migrations, sessions, and every statement that the project runs.

===============  =============================================================================================
package          subject
===============  =============================================================================================
``ledger``       which document is where, who works on it, what was tried; the state machine of a stage
``intake``       registering files, admitting them again, watched folders, purging
``filings``      the register of agencies, the documents of each agency and year, which of them is in force
``findings``     the cases of findings: opened, kept and settled as reports change; what people decide about them
``reports``      writing and reading results, corrections, coverage, what waits for review
``users``        user accounts, sessions, login attempts, the audit trail
``monitoring``   questions that people and Prometheus ask; nothing here writes but counters
===============  =============================================================================================

Functions take a connection inside a transaction of the caller (:func:`database.session.run_transaction`) and return frozen
records. All times are the database's own (:mod:`database.clock`). Imports only the codebook.
"""
