"""What people use: commands (``cli/``), the operators' pages (``web/``) and exports (``export/``).

Commands and pages ask the queries of ``database`` and act through its functions; they hold no SQL. Both share the modules of this
folder: reading a typed value, choosing documents to process again, the dry run, the rules between reports, passwords.
"""
