"""Tables of numbers that are none of a form: kept as they are printed, and those of provinces read by their headers."""
