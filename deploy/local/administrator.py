"""Creates the first account of a stack. This account creates all others."""

import asyncio
import os
import sys

from deploy.local.failure import LocalStackError
from deploy.local.stack import Stack


async def create_administrator(stack: Stack, environment: dict[str, str]) -> None:
    """Create the account. Nothing happens if it exists already."""
    command = (sys.executable, "-m", "services.assignment", "create-administrator")
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--username", stack.administrator.username),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **environment},
    )
    output, _ = await process.communicate(stack.administrator.password.encode())
    if process.returncode:
        last_line = (output.decode(errors="replace").strip().splitlines() or ["it wrote nothing"])[-1]
        raise LocalStackError(f"the first administrator could not be created: {last_line}")
