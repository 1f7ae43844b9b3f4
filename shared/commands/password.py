"""Reading a password: typed without echo, or from a pipe; never from the command line."""

from __future__ import annotations

import getpass
import sys


def read_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")
