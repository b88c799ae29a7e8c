"""Cut & force: hold units, and see what that does to what is expected and to what is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.interventions.edits import Intervention, ablate, intervened_model
from tidegate.lens.interventions.effect import ClassEffect, Effect, effect
from tidegate.lens.record.writing import write
from tidegate.lens.session.text_session import Looking, held_out
from tidegate.serve.screens.cells import SEARCHED, found
from tidegate.serve.screens.screen import Question, Screen, rounded
from tidegate.text.sampling import Sampling
from tidegate.train import Run

MOST = 16  # edits at once
STEPS = 10_000  # of the text that is read, those whose change is shown
CHANGE = 3.0  # nats that are as dark as it gets
LARGEST = 1e6  # to hold a unit at: far outside what any cell computes, and its products are finite
LONGEST = 4_000


def edits_of(given: str) -> tuple[Intervention, ...]:
    """Edits that the page asks for, as JSON: a list of objects with what `Intervention` takes.

    Raises:
        ArgumentError: it is no such list, or longer than 16; or a unit is to be held at more than a million.
    """
    try:
        entries = json.loads(given)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"edits are a list in JSON: {error}") from error
    if not isinstance(entries, list) or not 1 <= len(entries) <= MOST:
        raise ArgumentError(f"give a list of 1 to {MOST} edits")
    return tuple(map(_edit, entries))


def _edit(entry: Any) -> Intervention:
    wanted = {"layer": int, "name": str, "unit": int, "low": (int, float), "high": (int, float), "other": int}
    needed = {"layer", "name", "unit"}
    if not isinstance(entry, dict) or not (needed <= set(entry) <= set(wanted)):
        raise ArgumentError(f"an edit has layer, name, unit and low, high or other, given {entry!r:.80}")
    for key, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, wanted[key]):
            raise ArgumentError(f"{key} of an edit is {'a name' if key == 'name' else 'a number'}, given {value!r:.40}")
        if key in ("low", "high") and not abs(value) <= LARGEST:
            raise ArgumentError(f"a unit is held between -{LARGEST:,.0f} and {LARGEST:,.0f}, given {key}={value!r:.40}")
    return Intervention(**entry)


def measured(looking: Looking, edits: str) -> dict[str, Any]:
    """What edits do to the surprise on held-out text, by what was to be predicted, beside the same edit of others."""
    chosen = edits_of(edits)
    made = cost(looking, chosen)
    return {
        "said": "; ".join(map(str, chosen)),
        "controls": len(made.controls),
        "steps": len(made.pieces),
        "unit": made.unit,
        "rows": [_row(it) for it in (made.whole, *made.classes.values())],
    }


def cost(looking: Looking, edits: tuple[Intervention, ...]) -> Effect:
    """What edits do on held-out text, computed once."""
    run = looking.run
    return looking.kept(("effect", edits), lambda: effect(run.model, run.tokenizer, apart(run), edits))


def apart(run: Run) -> NDArray[np.int64]:
    """The half of the searched text on which the finder did not choose."""
    ids = run.tokenizer.encode(held_out(run, SEARCHED))
    return ids[len(ids) // 2 :]


def _row(it: ClassEffect) -> dict[str, Any]:
    numbers = {"before": it.before, "after": it.after, "change": it.change}
    numbers |= {"control": it.control_mean, "worst": it.control_worst}
    return {"name": it.name, "count": it.count} | {name: rounded(value) for name, value in numbers.items()}


def changed(looking: Looking, edits: str, text: int = 0) -> dict[str, Any]:
    """How much more surprised the edited model is by every unit of a text, in nats; below zero: less.

    ``scale`` is the change that is as dark as it gets.
    """
    run, chosen = looking.run, edits_of(edits)
    ids = looking.reading(text).ids[:STEPS]
    made = looking.kept(("changed", text, chosen), lambda: effect(run.model, run.tokenizer, ids, chosen, controls=1))
    change = [rounded(it, 3) for it in made.log_p_before.astype(np.float64) - made.log_p_after]
    return {"steps": len(ids), "change": change, "scale": CHANGE, "mean": rounded(made.whole.change)}


def edited(
    looking: Looking,
    edits: str = "",
    prompt: str = "",
    length: int = 300,
    temperature: float = 0.5,
    seed: int = 0,
) -> Iterator[Any]:
    """What the model writes, with edits or without, piece by piece; the same draws for both."""
    if not 0 <= length <= LONGEST:
        raise ArgumentError(f"{length:,} units were asked for: give 0 to {LONGEST:,}")
    run = looking.run
    model = intervened_model(run.model, edits_of(edits)) if edits else run.model
    for it in write(model, run.tokenizer, prompt, length=length, sampling=Sampling(temperature), seed=seed, names=()):
        yield {"text": it.text, "nats": rounded(-it.log_p, 3)}


def recorded(looking: Looking) -> Iterator[Question]:
    """The cut of each unit that the finder chose."""
    for finding in found(looking)["found"]:
        edits = as_asked([ablate(finding["layer"], finding["name"], finding["unit"])])
        yield "measured", {"edits": edits}
        yield "changed", {"edits": edits, "text": 0}


def as_asked(edits: list[Intervention]) -> str:
    """Cuts and forces as the page writes them."""
    named = [{"layer": it.layer, "name": it.name, "unit": it.unit, "low": it.low, "high": it.high} for it in edits]
    return json.dumps([{key: _plain(value) for key, value in it.items()} for it in named], separators=(",", ":"))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


CUT = Screen("cut", "Cut & force", {"measured": measured, "changed": changed}, {"edited": edited}, recorded=recorded)
