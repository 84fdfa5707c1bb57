"""What commands print on a terminal: tables and JSON on standard output, errors in one line on standard error, progress bars."""
