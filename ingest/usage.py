"""What a person got wrong on the command line: said in one line, with exit code 2."""


class UsageError(ValueError):
    """The request itself cannot be done. The message says what was found and what is expected."""
