"""Extraction: from the bytes of a document to pages of lines and ruled tables, with the place of each.

``extract`` chooses the reader by media type: ``text``, ``html``, ``docx``, ``pdf``, ``images``. HTML and DOCX share
``text_flow``, all share the model of tables (``grid``) and the undoing of page breaks (``joining``, ``merging``). A page that
is a picture is left for OCR. Every reader stays within ``limits``, whatever the file says of itself.
"""
