"""The one way a part of the local stack says that it cannot go on."""


class LocalStackError(Exception):
    """What went wrong and what to do about it, in one line that is shown as it is."""
