"""Word documents: body order, merged cells, tracked changes and text boxes (``read_docx``), and automatic numbers (``numbering``)."""
