"""Ink that is no print is taken off a page: seals, what is left of coloured ink, dirt."""
