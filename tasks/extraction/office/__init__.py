"""Office documents besides DOCX: older word processors, and workbooks. Libraries read them, within limits that are checked here."""
