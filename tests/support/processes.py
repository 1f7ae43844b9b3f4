"""Which processes of the machine belong to something, found by the folder that they were told of."""

import os
from pathlib import Path


def processes_naming(folder: Path) -> dict[int, str]:
    """Live processes, by id, whose command line or environment names `folder`, with the names of their programs."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and os.fsencode(folder) in (words := _words_of(entry)):
            found[int(entry.name)] = Path(os.fsdecode(words.split(b"\0")[0])).name
    return found


def _words_of(process: Path) -> bytes:
    """What the process was started with; nothing for one that has ended."""
    try:
        return b"".join((process / part).read_bytes() for part in ("cmdline", "environ"))
    except OSError:
        return b""
