"""Word files: ``read_docx`` reads paragraphs and tables, ``numbering`` the numbers that Word prints and does not store."""
