"""Drafts of reports, checked before they are published; nothing of them is kept."""
