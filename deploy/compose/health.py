"""Asks the service in this container whether it is ready: `python -IS deploy/compose/health.py PORT`.

It runs every few seconds in every container, so it imports only what loads quickly.
"""

from __future__ import annotations

import http.client
import sys

_SECONDS = 4


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1])) else 1)
