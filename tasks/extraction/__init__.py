"""From the bytes of a document to pages of lines and tables, each with its place.

``extract`` chooses the reader by media type: ``text``, ``html``, ``docx``, ``pdf``, ``images``. ``text_flow`` (HTML, DOCX) and
``grid`` (all) make tables of what they find; ``joining`` puts together what the ends of pages cut, ``merging`` what is one
table in several pieces. Every reader stays within ``limits``, and takes time that grows with the input and no faster.
"""
