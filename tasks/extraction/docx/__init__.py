"""Word documents: body order, merged cells, tracked changes, text boxes (``read_docx``); automatic numbers (``numbering``)."""
