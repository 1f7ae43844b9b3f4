"""The bare counterparts: what the same libraries do without this project's code."""

PROGRESSED = "bare_progressed"
"""The collection on which the bare route records progress."""
