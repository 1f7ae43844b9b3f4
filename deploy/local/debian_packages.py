"""Debian's packages without root: apt downloads and checks them with its state in our folder; we unpack them there."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.failure import LocalStackError

_APT_CONFIG = """\
Dir::State "{state}";
Dir::State::Lists "{state}/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{cache}";
Dir::Cache::archives "{cache}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "{user}";
APT::Install-Recommends "0";
Debug::NoLocking "1";
"""


def unpack_packages(names: Sequence[str], root: Path, work: Path) -> None:
    """Unpack `names`, and what they depend on and the machine lacks, into `root`.

    `work` must be an empty folder: apt does not check a file that has the right name and size already.
    """
    _refuse_without_apt()
    log = work / "apt.log"
    environment = {**os.environ, "APT_CONFIG": str(_write_apt_config(work)), "LC_ALL": "C.UTF-8"}
    _run(["apt-get", "-q", "update"], environment, log)
    # `--reinstall` makes the root complete even if the machine has some of the packages itself.
    _run(["apt-get", "-q", "-y", "--download-only", "--reinstall", "install", *names], environment, log)
    root.mkdir()
    for package in sorted((work / "cache/archives").glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(root)], environment, log)


def _refuse_without_apt() -> None:
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise LocalStackError(
                f"{program} is missing: RabbitMQ is fetched with it on Debian and Ubuntu; elsewhere install MongoDB"
                " and RabbitMQ yourself and set DONDOC_MONGOD (the program) and DONDOC_RABBITMQ_BIN (the folder)."
            )


def _write_apt_config(work: Path) -> Path:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    config = work / "apt.conf"
    config.write_text(
        _APT_CONFIG.format(state=work / "state", cache=work / "cache", user=getpass.getuser()), encoding="utf-8"
    )
    return config


def _run(command: Sequence[str], environment: dict[str, str], log: Path) -> None:
    with log.open("ab") as output:
        done = subprocess.run(command, env=environment, stdout=output, stderr=output, check=False)  # noqa: S603 -- fixed commands
    if done.returncode:
        last_lines = " / ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
        raise LocalStackError(f"{' '.join(command[:2])} failed (are Debian's packages reachable?): {last_lines}")
