"""OFD (GB/T 33190-2016), the national format of official documents: its characters and lines go the way of those of a PDF."""
