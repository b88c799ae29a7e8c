"""Units: which hidden units of a task's run track what, seen in examples, and what the model loses without them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tidegate.errors import TidegateError
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.interventions.effect import ClassEffect
from tidegate.lens.interventions.intervention import ablate
from tidegate.lens.progress import partial_as
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.tasks.units.held_out_halves import subject_of
from tidegate.lens.tasks.units.subject import WRONG
from tidegate.lens.tasks.units.unit_examples import unit_examples
from tidegate.serve.screens.cells import finding_data
from tidegate.serve.screens.cut import format_interventions, parse_interventions
from tidegate.serve.screens.screen import Question, Screen, packed, rounded

MAX_STEPS = 600  # of an example
EXAMPLES = 6
REPORTED = 8  # findings of a sequence whose examples and cost a report stores


def sequences(session: ExampleSession) -> list[dict[str, Any]]:
    """Return the sequences that recurrent layers of the model read."""
    found = []
    for name, sequence in session.subject.sequences.items():
        layers = sequence.layers(session.run.model)
        found.append({"name": name, "layers": layers.num_layers, "directions": 1 + layers.bidirectional})
    return found


def findings(session: ExampleSession, sequence: str) -> dict[str, Any]:
    """Return the hidden unit that goes best with each property of a sequence, beside both controls."""
    with partial_as(_findings):
        return _findings(session.find_units(sequence))


def _findings(found: Findings) -> dict[str, Any]:
    return {
        "found": [finding_data(it) for it in found.ordered],
        "absent": list(found.absent),
        "searched": found.searched,
    }


def examples(
    session: ExampleSession, sequence: str, layer: int, name: str, unit: int, direction: int = 0, label: str = ""
) -> dict[str, Any]:
    """Return examples with a hidden unit's value after each step, and a property of the steps; null where undefined."""
    found = session.cached(
        ("unit_examples", sequence, layer, name, unit, direction, label),
        lambda: unit_examples(
            session.run,
            layer,
            name,
            unit,
            direction=direction,
            sequence=sequence,
            label=label or None,
            count=EXAMPLES,
        ),
    )
    top = max((float(np.abs(it.values).max(initial=0)) for it in found), default=0.0) or 1.0
    return {
        "scale": top,
        "examples": [
            {
                "read": list(it.read[:MAX_STEPS]),
                "steps": len(it.values),
                "values": packed(it.values[:MAX_STEPS], top),
                "label": [rounded(value) for value in it.label[:MAX_STEPS]],
            }
            for it in found
        ],
    }


def cost(session: ExampleSession, edits: str, sequence: str) -> dict[str, Any]:
    """Return how interventions change the loss and the errors, beside controls."""
    chosen = parse_interventions(edits)
    made = session.unit_effect(chosen, sequence)
    return {
        "said": made.said,
        "controls": len(made.controls),
        "on": f"{made.examples:,} examples of the {made.part} part",
        "per": f"{made.loss_unit} per {made.prediction_name}",
        "loss": made.loss_unit,
        "classes": made.grouped_by,
        "rows": _rows(made.losses),
        "measure": made.error,
        "errors": _rows(made.errors),
        "shares": made.error == WRONG,
    }


def _rows(effects: Mapping[str, ClassEffect]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "count": it.count,
            "before": rounded(it.before, 6),
            "after": rounded(it.after, 6),
            "change": rounded(it.change, 6),
            "control": rounded(it.control_mean, 6),
            "worst": rounded(it.control_worst, 6),
        }
        for name, it in effects.items()
    ]


def recorded(session: ExampleSession) -> Iterator[Question]:
    """Record the findings of each sequence; of the best that hold, examples and the cost of the ablation."""
    yield "unit_sequences", {}
    for sequence in session.subject.sequences:
        yield "unit_findings", {"sequence": sequence}
        found = session.find_units(sequence)
        for it in [it for it in found.ordered if it.holds][:REPORTED]:
            at = {"sequence": sequence, "layer": it.layer, "name": it.name, "unit": it.unit, "direction": it.direction}
            yield "unit_examples", at | {"label": it.detector}
            yield "unit_cost", {"edits": _ablation(it), "sequence": sequence}


def _ablation(it: Finding) -> str:
    return format_interventions([ablate(it.layer, it.name, it.unit, direction=it.direction)])


def says_what_units_track(session: Session) -> bool:
    """Return whether the run's task says what its hidden units may track."""
    if not isinstance(session, ExampleSession):
        return False
    try:
        subject_of(session.run)
    except TidegateError:
        return False
    return session.run.holds_data


UNITS = Screen(
    "units",
    "Units",
    {"unit_sequences": sequences, "unit_findings": findings, "unit_examples": examples, "unit_cost": cost},
    recorded=recorded,
    shown=says_what_units_track,
)
