"""Cut & force: hold hidden units, and see how predictions and written text change."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError
from tidegate.lens.interventions.effect import ClassEffect, effect
from tidegate.lens.interventions.intervention import Intervention, ablate, intervened_model
from tidegate.lens.record.writing import write
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.cells import found
from tidegate.serve.screens.screen import Question, Screen, rounded
from tidegate.text.sampling import Sampling

MAX_INTERVENTIONS = 16  # at once
STEPS = 10_000  # of the text, those whose change is shown
CHANGE = 3.0  # nats at the dark end of the scale
LARGEST = 1e6  # value of a hidden unit: far outside what any cell computes, and its products are finite
MAX_LENGTH = 4_000


def parse_interventions(text: str) -> tuple[Intervention, ...]:
    """Return interventions from JSON: a list of objects with the fields of `Intervention`.

    Raises:
        ArgumentError: it is no such list, is longer than 16, or holds a hidden unit at more than a million.
    """
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"Interventions should be a list in JSON: {error}.") from error
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_INTERVENTIONS:
        raise ArgumentError(f"Give a list of 1 to {MAX_INTERVENTIONS} interventions.")
    return tuple(map(_intervention, entries))


def _intervention(entry: Any) -> Intervention:
    wanted = {
        "layer": int,
        "name": str,
        "unit": int,
        "low": (int, float),
        "high": (int, float),
        "other": int,
        "direction": int,
    }
    needed = {"layer", "name", "unit"}
    if not isinstance(entry, dict) or not (needed <= set(entry) <= set(wanted)):
        raise ArgumentError(
            f"An intervention has layer, name, unit and low, high, other, direction; got {entry!r:.80}."
        )
    for key, value in entry.items():
        if isinstance(value, bool) or not isinstance(value, wanted[key]):
            raise ArgumentError(
                f"{key} of an intervention should be {'a name' if key == 'name' else 'a number'}, got {value!r:.40}."
            )
        if key in ("low", "high") and not abs(value) <= LARGEST:
            raise ArgumentError(f"{key} should be between -{LARGEST:,.0f} and {LARGEST:,.0f}, got {value!r:.40}.")
    return Intervention(**entry)


def measured(session: TextSession, edits: str) -> dict[str, Any]:
    """Return how interventions change the loss on held-out text, by class of characters, beside controls."""
    chosen = parse_interventions(edits)
    made = session.effect(chosen)
    return {
        "said": "; ".join(map(str, chosen)),
        "controls": len(made.controls),
        "steps": len(made.pieces),
        "unit": made.prediction_name,
        "rows": [_row(it) for it in (made.whole, *made.classes.values())],
    }


def _row(it: ClassEffect) -> dict[str, Any]:
    numbers = {"before": it.before, "after": it.after, "change": it.change}
    numbers |= {"control": it.control_mean, "worst": it.control_worst}
    return {"name": it.name, "count": it.count} | {name: rounded(value) for name, value in numbers.items()}


def changed(session: TextSession, edits: str, text: int = 0) -> dict[str, Any]:
    """Return what interventions add to the surprise of every token of a text, in nats.

    ``scale`` is the change at the dark end of the scale of colours.
    """
    run, chosen = session.run, parse_interventions(edits)
    ids = session.reading(text).ids[:STEPS]
    made = session.cached(("changed", text, chosen), lambda: effect(run.model, run.tokenizer, ids, chosen, controls=1))
    change = [rounded(it, 3) for it in made.log_p_before.astype(np.float64) - made.log_p_after]
    return {"steps": len(ids), "change": change, "scale": CHANGE, "mean": rounded(made.whole.change)}


def intervened(
    session: TextSession,
    edits: str = "",
    prompt: str = "",
    length: int = 300,
    temperature: float = 0.5,
    seed: int = 0,
) -> Iterator[Any]:
    """Yield what the model writes, with interventions or without, piece by piece; the same draws for both."""
    if not 0 <= length <= MAX_LENGTH:
        raise ArgumentError(f"The length is {length:,}: give 0 to {MAX_LENGTH:,} tokens.")
    run = session.run
    model = intervened_model(run.model, parse_interventions(edits)) if edits else run.model
    for it in write(model, run.tokenizer, prompt, length=length, sampling=Sampling(temperature), seed=seed, names=()):
        yield {"text": it.text, "nats": rounded(-it.log_p, 3)}


def recorded(session: TextSession) -> Iterator[Question]:
    """Record the ablation of each hidden unit that the finder chose."""
    for finding in found(session)["found"]:
        interventions = format_interventions([ablate(finding["layer"], finding["name"], finding["unit"])])
        yield "measured", {"edits": interventions}
        yield "changed", {"edits": interventions, "text": 0}


def format_interventions(interventions: list[Intervention]) -> str:
    """Return ablations and fixed values in JSON, as the page writes them."""
    named = [
        {"layer": it.layer, "name": it.name, "unit": it.unit, "low": it.low, "high": it.high}
        | ({"direction": it.direction} if it.direction else {})
        for it in interventions
    ]
    return json.dumps([{key: _plain(value) for key, value in it.items()} for it in named], separators=(",", ":"))


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


CUT = Screen(
    "cut",
    "Cut & force",
    {"measured": measured, "changed": changed},
    {"edited": intervened},
    recorded=recorded,
)
