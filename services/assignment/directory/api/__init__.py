"""The directory over HTTP: a file a resource."""

from __future__ import annotations

from typing import Final

NOT_STORED: Final = {"Cache-Control": "no-store"}
"""The headers of an answer that holds a token or a secret: no cache may store it."""
