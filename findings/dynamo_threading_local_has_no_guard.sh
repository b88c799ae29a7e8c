#!/usr/bin/env bash
# torch 2.13.0 (CPU; Python 3.11).
#
# A compiled function that reads a class attribute's default through an instance of a subclass of threading.local keeps
# the first value for good. Setting the attribute on the instance later neither recompiles the function nor warns; an
# instance of an ordinary class recompiles, and a contextvars.ContextVar is refused in words.
#
# The good guess that is wrong: what Dynamo reads from Python objects is either guarded or refused, so a switch that each
# thread has for itself may be kept in a threading.local.
#
# Seen:
#   ordinary class: -1.0 then 1.0
#   threading.local: -1.0 then -1.0
#   ContextVar: Unsupported
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check torch==2.13.0
cat > show.py <<'PYTHON'
import contextvars
import threading

import torch


class Ordinary:
    on = False


class Local(threading.local):
    on = False


ordinary, local, variable = Ordinary(), Local(), contextvars.ContextVar("variable", default=False)


def compiled(function):
    return torch.compile(function, backend="eager", fullgraph=True)


zero = torch.zeros(1)
for name, switch, function in (
    ("ordinary class", ordinary, compiled(lambda x: x + 1 if ordinary.on else x - 1)),
    ("threading.local", local, compiled(lambda x: x + 1 if local.on else x - 1)),
):
    before = function(zero).item()
    switch.on = True
    print(f"{name}: {before} then {function(zero).item()}")
try:
    compiled(lambda x: x + 1 if variable.get() else x - 1)(zero)
    print("ContextVar: compiled")
except Exception as error:
    print("ContextVar:", type(error).__name__)
PYTHON
env/bin/python show.py > seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
ordinary class: -1.0 then 1.0
threading.local: -1.0 then -1.0
ContextVar: Unsupported
EXPECTED
