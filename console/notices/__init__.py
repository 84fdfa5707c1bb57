"""Problem sheets: for each unit a notice to mend its report (DOCX), and for each region a workbook of all points.

``records`` are what is written, ``gather`` takes them from the confirmed cases and the coverage, ``pictures`` cuts the places out
of the pages, ``document`` fills the template of the office, ``ledger`` writes the workbook,
``writing`` does so for many, ``issue`` does all of it in order, and ``answers`` reads what comes back. ``preview`` counts
first; ``jobs`` and ``job_process`` make sheets behind the pages. ``words.yaml`` holds what the sheets say.
"""
