"""What the page shows as pictures in files, for a paper or a talk."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tidegate.drawing import Scale
from tidegate.drawing.figures import heat_map, line_chart, save, strips, tinted_text
from tidegate.drawing.text import laid_out
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.finder import Finding
from tidegate.lens.memory.gradient_flow import gradient_flow
from tidegate.lens.session.session import Looked
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.cells import findings
from tidegate.serve.screens.memory import DECADES, STEPS
from tidegate.serve.screens.read import SURPRISE
from tidegate.serve.screens.training import training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 1200  # units of text in a picture
COLUMNS, ROWS = 80, 100  # of a text in a picture
CELLS = 6  # units that were found, at most
AROUND = 80  # steps in a picture of gates

Pictures = Iterator[tuple[str, "Figure"]]


def write_figures(looking: Looked, folder: Path) -> list[Path]:
    """Write PNG files into a folder, which is made if need be; each is whole or not there.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [save(figure, folder / f"{name}.png") for name, figure in _pictures(looking)]


def _pictures(looking: Looked) -> Pictures:
    yield from _training(looking)
    if isinstance(looking, Looking):
        yield from _text(looking)
        yield from _memory(looking)


def _training(looking: Looked) -> Pictures:
    said = training(looking)
    curves = {
        "training": ([it[0] for it in said["train"]], [it[1] for it in said["train"]]),
        "validation": ([it[0] for it in said["validation"]], [it[1] for it in said["validation"]]),
    }
    last = max((it[0] for it in said["train"]), default=1)
    curves |= {name: ([0, last], [value, value]) for name, value in said["baselines"].items()}
    kept = {name: curve for name, curve in curves.items() if curve[0]}
    unit = said["unit"]
    yield "training", line_chart(kept, title=looking.run.folder.name, x_label="step", y_label=f"nats per {unit}")


def _text(looking: Looking) -> Pictures:
    reading = looking.reading()
    pieces = _drawn(reading.pieces)
    scale = Scale("sequential", SURPRISE, "nats of surprise")
    title = f"{looking.run.folder.name}: {reading.nats:.3f} nats per {looking.run.config.prediction_name}"
    yield "surprise", tinted_text(pieces, -reading.log_p[: len(pieces)], scale=scale, width=COLUMNS, title=title)
    try:
        made = findings(looking)
    except ArgumentError as error:  # no held-out text, or too little: all other pictures can be drawn
        warnings.warn(f"no cells are drawn: {error}", stacklevel=2)
        return
    for number, finding in enumerate(made.ordered[:CELLS], 1):
        yield from _cell(looking, finding, number)


def _drawn(pieces: Sequence[str]) -> Sequence[str]:
    """As much of the beginning of a text as there is room for."""
    rows = list(islice(laid_out(pieces[:SHOWN], COLUMNS), ROWS + 1))
    return pieces[: rows[ROWS][0][1] if len(rows) > ROWS else SHOWN]


def _cell(looking: Looking, finding: Finding, number: int) -> Pictures:
    reading = looking.reading()
    values = reading.trace[finding.layer, 0][finding.name][:, finding.unit].astype(np.float32)
    scale = Scale("diverging", float(np.abs(values).max()) or 1.0, finding.name)
    kind = "AUC" if finding.kind == "yes/no" else "correlation"
    title = (
        f"unit {finding.layer}/{finding.unit} and {finding.detector}: {kind} {finding.score:.2f}, "
        f"untrained {finding.untrained:.2f}, shuffled {finding.shuffled:.2f}"
    )
    pieces = _drawn(reading.pieces)
    name = f"cell-{number}-{finding.detector}"
    yield name, tinted_text(pieces, values[: len(pieces)], scale=scale, width=COLUMNS, title=title)
    if number == 1:
        named = reading.trace[finding.layer, 0]
        curves = {it: named[it][:AROUND, finding.unit].astype(np.float32) for it in reading.trace.names}
        title = f"gates and states of unit {finding.layer}/{finding.unit}"
        yield "gates", strips(curves, reading.pieces[:AROUND], title=title, x_label="step")


def _memory(looking: Looking) -> Pictures:
    run, ids = looking.run, looking.reading().ids[: STEPS + 1]
    if len(ids) < 5:
        return
    flow = gradient_flow(run.model, run.tokenizer, ids, targets=range(len(ids) - 1))
    curves = {f"{name}, layer {layer}": (flow.distances, flow.curve(layer, name)) for layer, name in flow.norms}
    labels = {"x_label": "distance, steps", "y_label": "gradient norm"}
    yield "decay", line_chart(curves, log_y=True, title="how far back gradients reach", **labels)
    for (layer, name), norms in flow.norms.items():
        with np.errstate(divide="ignore"):
            heights = np.log10(norms / (norms.max() or 1.0)).clip(-DECADES, 0) + DECADES
        scale = Scale("sequential", DECADES, f"decades above 1e-{DECADES:.0f} of the largest")
        title = f"gradient of each prediction with respect to {name} of layer {layer}"
        labels = {"x_label": "state after step", "y_label": "predicted after step"}
        yield f"triangle-{layer}-{name}", heat_map(heights, scale=scale, title=title, **labels)
