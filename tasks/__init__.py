"""What happens to a document, a package for each stage: extraction, ocr, parsing, validation, loading.

Everything is a pure function from one frozen record of :mod:`codebook.records` to the next; only the modules ``task.py`` know
Celery, SQL and the machine. ``flow.py`` shows the whole way on one screen::

    bytes --extract--> Extraction --(ocr, merged)--> Extraction --parse--> Report --validate--> Verdict --load--> rows
"""
