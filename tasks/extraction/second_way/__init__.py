"""The second way to documents that our own readers cannot read: LibreOffice writes them in formats that they read."""
