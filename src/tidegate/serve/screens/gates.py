"""Gates: how often each is nearly open or shut, and how long each hidden unit remembers."""

from collections.abc import Iterator
from typing import Any

from tidegate.cells import Cell
from tidegate.errors import ArgumentError
from tidegate.lens.memory.memory_time import memory_time
from tidegate.lens.record.gates import BOUNDS, saturation
from tidegate.lens.record.reading import read
from tidegate.lens.record.trace import Trace
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.screen import Question, Screen, rounded

EXACT = 5_000  # characters of a text over which gates are measured


def gates(session: TextSession, text: int = 0, run: int = 0) -> dict[str, Any]:
    """Return each hidden unit's share of steps near either end of a gate's range, and memory times in steps."""
    one, given = session.run_number(run), session.text(text)[:EXACT]
    # Not the session's own trace: half precision cannot tell how long a unit remembers that hardly forgets.
    trace = session.cached(("exact", text, run), lambda: read(one.model, one.tokenizer, given).trace)
    cell = one.model.cell
    try:
        found = saturation(trace, cell)
    except ArgumentError as error:  # of a simple recurrent network with another activation
        return {"squashed": [], "unsquashed": str(error), **_memory(trace, cell)}
    squashed = [
        {
            "layer": layer,
            "name": name,
            "kind": kind,
            "bounds": BOUNDS[kind],
            "low": [rounded(it, 3) for it in found.low[layer, 0][name]],
            "high": [rounded(it, 3) for it in found.high[layer, 0][name]],
            "shares": [rounded(it) for it in found.shares((layer, 0), name)],
        }
        for layer in range(trace.layers)
        for name, kind in found.kinds.items()
    ]
    return {"squashed": squashed, "unsquashed": "", **_memory(trace, cell)}


def _memory(trace: Trace, cell: Cell) -> dict[str, Any]:
    try:
        times = memory_time(trace, cell)
    except ArgumentError as error:  # a simple recurrent network has no gate that keeps
        return {"memory": [], "why": str(error)}
    memory = [
        {"layer": layer, "state": state, "steps": [rounded(it, 2) for it in found.steps]}
        for ((layer, _), state), found in times.items()
    ]
    return {"memory": memory, "why": ""}


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the first text; a hidden unit's values along it are recorded by Cells."""
    yield "gates", {"text": 0, "run": 0}


GATES = Screen("gates", "Gates", {"gates": gates}, recorded=recorded)
