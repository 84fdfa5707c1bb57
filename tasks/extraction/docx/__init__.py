"""Word documents: body order, merged cells, tracked changes, text boxes, pictures, documents inside (``read_docx``).

``package`` unpacks the parts; ``style_sheet``, ``run_styles`` and ``fields`` say what of the text is on the page; ``numbering``
writes automatic numbers, ``chunks`` reads web pages and texts inside a document.
"""
