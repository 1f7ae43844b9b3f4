"""Where the programs of MongoDB and RabbitMQ are, and the environment they need."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from deploy.local.failure import LocalStackError

PROJECT = Path(__file__).resolve().parents[2]
SERVERS_FOLDER = Path(os.environ.get("DONDOC_SERVERS", PROJECT / ".servers"))


@dataclass(frozen=True)
class Installation:
    """The programs of the two servers, and the folder that Debian's packages were unpacked into."""

    mongod: Path
    rabbitmq_bin: Path
    packages_root: Path | None

    @cached_property
    def mongod_environment(self) -> dict[str, str]:
        folders = [str(folder) for folder in self._library_folders()]
        return {"LD_LIBRARY_PATH": ":".join(folders)} if folders else {}

    @cached_property
    def rabbitmq_environment(self) -> dict[str, str]:
        path = [str(self.rabbitmq_bin)]
        if self.packages_root:
            path = [str(self.packages_root / "usr/lib/erlang/bin"), *path, str(self.packages_root / "usr/bin")]
        return {"PATH": ":".join([*path, os.environ.get("PATH", "/usr/bin:/bin")]), **self.mongod_environment}

    @property
    def epmd(self) -> Path:
        """Erlang's port mapper; see the module `epmd`."""
        if self.packages_root:
            return next((self.packages_root / "usr/lib/erlang").glob("erts-*/bin/epmd"))
        return Path("/usr/bin/epmd")

    def _library_folders(self) -> list[Path]:
        if not self.packages_root:
            return []
        return [*self.packages_root.glob("usr/lib/*-linux-gnu"), *self.packages_root.glob("lib/*-linux-gnu")]


def chosen_by_settings() -> Installation | None:
    """Return the programs that `DONDOC_MONGOD` and `DONDOC_RABBITMQ_BIN` name, if both are set."""
    mongod, rabbitmq_bin = os.environ.get("DONDOC_MONGOD"), os.environ.get("DONDOC_RABBITMQ_BIN")
    if not mongod and not rabbitmq_bin:
        return None
    if not mongod or not rabbitmq_bin:
        raise LocalStackError("Set both DONDOC_MONGOD and DONDOC_RABBITMQ_BIN, or neither.")
    for program in (Path(mongod), Path(rabbitmq_bin) / "rabbitmq-server"):
        if not os.access(program, os.X_OK):
            raise LocalStackError(
                f"{program} is not a program that can be run: see DONDOC_MONGOD and DONDOC_RABBITMQ_BIN."
            )
    return Installation(Path(mongod), Path(rabbitmq_bin), None)
