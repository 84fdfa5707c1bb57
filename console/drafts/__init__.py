"""Drafts of reports, checked before they are published: read as any document, compared with the database, and forgotten.

``neighbours`` applies the rules between reports to a draft, ``check`` reads files and puts together what is wrong with them. The
command `gongkai check-draft` and a page show it. Nothing is stored: originals lie in a temporary folder while they are read.
"""
