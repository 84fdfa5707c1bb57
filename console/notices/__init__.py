"""Problem sheets: for each unit a notice to mend its report (DOCX), and for each region a workbook of all points.

``records`` are what is written, ``gather`` takes them from the confirmed cases and the coverage, ``pictures`` cuts the places out
of the pages, ``document`` fills the template of the office, ``ledger`` writes the workbook,
``issue`` does all of it in order, and ``answers`` reads what comes back. ``words.yaml`` holds what the sheets say.
"""
