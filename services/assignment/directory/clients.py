"""The first-party client: the web pages, which alone get sessions. They prove by a secret that they are themselves."""

from __future__ import annotations

from typing import Final

from services.assignment.directory.passwords import hash_secret, secret_matches

_WEB: Final = "web"


class FirstPartyClient:
    """The client `web`; without a secret there is no such client.

    What a wrong secret costs is one fast hash, and 256 bits cannot be guessed. So failures are not counted: a count
    would let one computer of an office shut the pages for all who share its address.
    """

    def __init__(self, secret: str | None) -> None:
        self._stored = hash_secret(secret) if secret else None

    def is_proven(self, client_id: str, secret: str) -> bool:
        return secret_matches(self._stored, secret) and client_id == _WEB
