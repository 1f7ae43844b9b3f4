"""The folder of a stack: data, secrets, logs, and `stack.json`, by which other programs find the stack."""

import fcntl
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.local.credentials import Credentials, write_private
from deploy.local.failure import LocalStackError
from deploy.local.stack import DemoAccount, Stack
from deploy.private_folder import OpenFolderError, keep_private


@dataclass(frozen=True)
class RunDir:
    """Knows which file is where in the folder, and writes them."""

    path: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the folder for one stack. At the start and at the end, delete the files that say that a stack runs."""
        try:
            keep_private(self.path, {"lock"})
        except OpenFolderError as error:
            raise LocalStackError(str(error)) from None
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LocalStackError(
                    f"{self.path} is in use by another stack: stop that one, or set RUN_DIR to another folder"
                ) from None
            self._forget_running_stack()
            try:
                yield
            finally:
                self._forget_running_stack()

    def credentials(self) -> Credentials:
        return Credentials.kept_in(self.path / "credentials.json")

    def loaded_demo(self) -> list[DemoAccount] | None:
        """Return the accounts of the demo, if an earlier run has loaded it completely."""
        marker = self.path / "demo.json"
        if not marker.exists():
            return None
        return [DemoAccount(**account) for account in json.loads(marker.read_text(encoding="utf-8"))]

    def keep_loaded_demo(self, accounts: Sequence[DemoAccount]) -> None:
        write_private(self.path / "demo.json", json.dumps([asdict(account) for account in accounts]))

    def write_stack(self, stack: Stack, accounts: Sequence[DemoAccount]) -> None:
        """Write down that the stack is ready and where everything is."""
        content = {
            "services": stack.urls,
            "mongodb": stack.servers.mongodb_uri,
            "rabbitmq": stack.servers.rabbitmq.administrator_uri(stack.vhost),
            "accounts": [asdict(account) for account in accounts],
        }
        for service in stack.urls:
            self._write_environment(service, stack.environment_of(service))
        write_private(self.path / "web_client_secret", stack.credentials.web_client_secret)
        write_private(self.path / "stack.json", json.dumps(content, ensure_ascii=False, indent=2))

    def _write_environment(self, service: str, environment: Mapping[str, str]) -> None:
        """Write the settings with which a shell can run the service's commands: `set -a; . .run/deadline.env`."""
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in environment.items()]
        write_private(self.path / f"{service}.env", "".join(lines))

    def _forget_running_stack(self) -> None:
        for name in ("stack.json", "clock"):
            (self.path / name).unlink(missing_ok=True)
