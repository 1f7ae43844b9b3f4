"""Erlang's port mapper (epmd) on the loopback.

Without it RabbitMQ would start one of its own, which listens on every address and keeps running afterwards.
"""

from pathlib import Path

from deploy.local.child import Child
from deploy.local.installation import Installation
from deploy.local.ports import accepts_connections


async def start_epmd(installation: Installation, port: int, log: Path) -> Child:
    options = ("-address", "127.0.0.1", "-port", str(port))
    child = await Child.start("epmd", [installation.epmd, *options], log, {"HOME": str(log.parent)})

    async def answers() -> bool:
        return await accepts_connections(port)

    try:
        await child.until(answers, seconds=10)
    except BaseException:
        await child.kill()
        raise
    return child
