"""The same work done by the same libraries without this project's code."""

PROGRESSED = "bare_progressed"
"""The collection on which the bare route records progress."""
