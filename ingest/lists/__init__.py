"""Lists that offices keep as CSV or as workbooks.

``manifest`` says of files what an office knows of them, ``expected`` which agencies must report; ``csv_lists`` is what both need:
encodings, delimiters, header words, years and dates. ``xlsx_lists`` reads the sheets of a workbook, within bounds.
"""
