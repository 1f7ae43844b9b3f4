"""A folder with secrets in it, which only its owner can open."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

_OTHERS = 0o077


class OpenFolderError(Exception):
    """Other users can open the folder; the text says in one line what to do."""


def keep_private(folder: Path, ours: Collection[str]) -> None:
    """Make a folder that only its owner can open, or close one that others can open.

    A folder in which something stands, but nothing of `ours`, is left as it is: it may be `/tmp` by mistake.

    Raises:
        OpenFolderError: others can open the folder, and it was not closed.

    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not folder.stat().st_mode & _OTHERS:
        return
    found = {path.name for path in folder.iterdir()}
    if found and found.isdisjoint(ours):
        raise OpenFolderError(f"{folder} is open to other users: `chmod 700 {folder}`, or name another folder")
    try:
        folder.chmod(0o700)
    except PermissionError:
        raise OpenFolderError(f"{folder} is open to other users and belongs to one: name another folder") from None
