"""The error that any part of the local stack raises when it cannot go on."""


class LocalStackError(Exception):
    """Says what went wrong and what to do about it, in one line that is shown to the user unchanged."""
