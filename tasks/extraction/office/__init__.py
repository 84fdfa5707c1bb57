"""Office documents besides DOCX: older word processors, workbooks. Libraries read them, within limits that are checked here."""
