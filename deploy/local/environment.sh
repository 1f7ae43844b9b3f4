#!/bin/sh
# Makes .venv from requirements-dev.lock, the first time and whenever the lock changes. Needs Python 3.11 with venv.
set -eu
lock=requirements-dev.lock
stamp=.venv/installed-from.lock

say() { echo "environment: $*"; }
fail() { say "$*" >&2; exit 69; }

cmp -s "$lock" "$stamp" && exit 0
mkdir -p .venv
exec 9>.venv/lock
flock -n 9 || { say "another run is making .venv, waiting for it"; flock 9; }
cmp -s "$lock" "$stamp" && exit 0

python=$(command -v python3.11 || command -v python3) ||
  fail "Python 3.11 is missing: apt-get install python3 python3-venv"
[ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = 3.11 ] ||
  fail "Python 3.11 is needed, $python is $("$python" -V 2>&1): put python3.11 on the PATH"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
  fail "Python's venv is missing: apt-get install python3-venv"

.venv/bin/python -m pip --version >/dev/null 2>&1 || { say "making .venv"; "$python" -m venv .venv; }
say "installing the locked packages (a minute the first time) ..."
.venv/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r "$lock" ||
  fail "the packages could not be installed (is the package index reachable?), see above"
cp "$lock" "$stamp.new" && mv "$stamp.new" "$stamp"
