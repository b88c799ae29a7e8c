"""The model card of a run: what it is, how good it is beside baselines, its equations, how it is used."""

import platform
import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from tidegate import __version__
from tidegate.drawing.text import visible
from tidegate.errors import ArgumentError
from tidegate.export.hub.training_command import training_command
from tidegate.hub.hub_reference import HubReference
from tidegate.hub.markdown_text import Markdown, code_block, front_matter, plain, table
from tidegate.io.files import read_json
from tidegate.nn import Layered
from tidegate.train.registry import BUILT_IN
from tidegate.train.run_config import NAME
from tidegate.train.run_folder import Run
from tidegate.train.task import EvaluationOptions

# Names of tasks that the hub lists; a model of frames, or of numbers at every step, is none of them.
PIPELINES = {
    "lm": "text-generation",
    "classify": "text-classification",
    "tag": "token-classification",
    "translate": "translation",
    "caption": "image-to-text",
    "forecast": "time-series-forecasting",
}
HUB_DATA = re.compile(r"hub:([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)")
THIS = Markdown("**this model**")
Record = Mapping[str, Any]


def model_card(run: Run, place: HubReference, license: str, measured: Record | str | None) -> str:
    """Return the text of README.md, with its head in YAML.

    All that comes from the run, its names of files, labels and notes, is shown as plain text.

    Args:
        run: the run.
        place: the repository that it will be in.
        license: the identifier of its licence.
        measured: from `measure`.
    """
    sections = [
        _head(run, place, license, measured),
        f"# {plain(place.repository.partition('/')[2])}\n\n{_what(run)}",
        "## How good it is\n\n" + "\n\n".join(_quality(run, measured)),
        "## Data\n\n" + "\n".join(_data(run)),
        "## Training\n\n" + "\n\n".join(_training(run)),
        "## Equations\n\n" + "\n\n".join(_equations(run)),
        "## Use\n\n" + _use(run, place),
        "## Versions\n\n" + _versions(run),
    ]
    return "\n\n".join(sections) + "\n"


def measure(run: Run) -> Record | str | None:
    """Evaluate a run on its test part, or else its validation part, beside baselines, as ``tidegate evaluate`` does.

    Returns:
        The record of `tidegate.train.task.EvaluationText`; the reason why there is none; or None if the task has none.
    """
    if not run.holds_data:
        return "the run was copied without its data"
    try:
        return run.task.evaluate(run, [], EvaluationOptions(model=run.config.model)).record
    except ArgumentError as error:  # there is no such part
        return str(error)


def _head(run: Run, place: HubReference, license: str, measured: Record | str | None) -> str:
    data = _data_names(run)
    sets = [found[1] for it in data if (found := HUB_DATA.fullmatch(it))]
    pipeline = PIPELINES.get(run.config.task) if _reads_text(run) else None
    tags = ["tidegate", "recurrent-neural-network", run.config.model.cell, run.config.task]
    entries: dict[str, object] = {
        "license": license,
        "library_name": "tidegate",
        "tags": list(dict.fromkeys(tags)),
        "pipeline_tag": pipeline,
        "datasets": sets or None,
    }
    if isinstance(measured, Mapping) and (metrics := list(_index_metrics(measured))):
        name = ", ".join(data) or "data of one's own"
        dataset = {"name": name, "type": sets[0] if sets else "other", "split": str(measured.get("data"))}
        result = {"task": {"type": pipeline or "other"}, "dataset": dataset, "metrics": metrics}
        entries["model-index"] = [{"name": place.repository.partition("/")[2], "results": [result]}]
    return front_matter(entries)


def _reads_text(run: Run) -> bool:
    """Whether the hub's name of the task fits: what classifies or tags frames has none."""
    values = getattr(run.vocabulary, "values", {})
    return run.config.task not in ("classify", "tag") or values.get("input") in ("words", "characters")


def _index_metrics(measured: Record) -> Iterator[dict[str, object]]:
    named = {str(name): it.get("value") for name, it in measured.get("metrics", {}).items()}
    for name, value in (named | {measured.get("loss_name", "loss"): measured.get("loss")}).items():
        if isinstance(value, int | float) and abs(value) < float("inf"):
            kind = "loss" if name == measured.get("loss_name") else re.sub(r"\W+", "_", name).strip("_").lower()
            yield {"type": kind or "other", "name": name, "value": round(value, 6)}


def _what(run: Run) -> str:
    config = run.config
    summary = BUILT_IN[config.task].summary if config.task in BUILT_IN else f"A model of the task {config.task}."
    sizes = getattr(config.model, "layer_sizes", None) or config.model.hidden_size
    layers = f"{config.model.num_layers} layers of " if config.model.num_layers > 1 else ""
    count = sum(it.numel() for it in run.model.parameters())
    return (
        f"{plain(summary.removesuffix('.'))}: {plain(config.model.cell)}, {layers}{sizes} hidden units, {count:,} "
        "parameters. Trained with Tidegate, in which a recurrent cell is its equations, and every gate is open to view."
    )


def _quality(run: Run, measured: Record | str | None) -> Iterator[str]:
    loss = run.config.loss_name
    if run.validation is not None:
        rows = [*run.config.baselines.items(), (THIS, run.validation)]
        yield f"On the validation part ({plain(run.config.split_kind)}), by which the checkpoint was chosen:"
        yield _losses(rows, loss)
    if isinstance(measured, str):
        yield f"Not measured on other data: {plain(measured)}"
    elif measured is not None:
        count = measured.get("predictions")
        yield f"On the part {plain(measured.get('data'))}, {count:,} predictions:"
        baselines = measured.get("baselines") or {}
        if baselines:
            yield _losses([*baselines.items(), (THIS, measured["loss"])], loss)
        elif metrics := measured.get("metrics"):
            yield _metrics(metrics, measured)
    if run.validation is None and not isinstance(measured, Mapping):
        yield "The run was not validated."


def _losses(rows: list[tuple[str, float]], loss_name: str) -> str:
    ordered = sorted(rows, key=lambda row: -row[1])
    return table(["", plain(loss_name)], [(name, f"{value:.4g}") for name, value in ordered])


def _metrics(metrics: Record, measured: Record) -> str:
    rows = []
    for name, it in metrics.items():
        baseline = f"{it['baseline']}: {it['of_baseline']:.4g}" if it.get("baseline") else ""
        rows.append((name, f"{it['value']:.4g}", baseline, it.get("verdict") or ""))
    rows.append((measured["loss_name"], f"{measured['loss']:.4g}", "", ""))
    return table(["", "this model", "baseline", "this model is"], rows)


def _data(run: Run) -> Iterator[str]:
    names = _data_names(run)
    if names:
        yield f"- read: {', '.join(map(plain, names))}"
    yield from (f"- {plain(line)}" for line in run.config.notes)
    yield f"- split: {plain(run.config.split_kind)}"
    yield f"- digest (SHA-256): {plain(run.config.data_digest)}"


def _data_names(run: Run) -> list[str]:
    given = (run.config.data_options or {}).get("data")
    names = [str(it) for it in given] if isinstance(given, list) else []
    return [it if HUB_DATA.fullmatch(it) or it.startswith("sample:") else it.rpartition("/")[2] for it in names]


def _training(run: Run) -> Iterator[str]:
    command = training_command(run.config, run.task)
    if command is None:
        yield "The version that trained this model did not record how its data were read."
    else:
        yield code_block(command, "sh")
    yield f"The checkpoint is that of step {run.step:,}."


def _equations(run: Run) -> Iterator[str]:
    cells = {it.cell.digest: it.cell for it in run.model.modules() if isinstance(it, Layered)}
    for cell in cells.values():
        yield f"$$\n{visible(cell.latex())}\n$$"
    yield "These are the equations of one step, as the cell's own code has them; ⊙ multiplies element by element."


def _use(run: Run, place: HubReference) -> str:
    own = run.config.cell_digest is not None or run.config.task not in BUILT_IN
    commands = [*(it.format(run=place) for it in run.task.next_commands), f"tidegate look {place}"]
    python = f'from tidegate.train import load_run\n\nrun = load_run("{place}")\nprint(run)'
    needs = "It needs code of its own, a cell or a task, given with `--cell` or `--task`.\n\n" if own else ""
    return f"{needs}{code_block(chr(10).join(commands), 'sh')}\n\n{code_block(python, 'python')}"


def _versions(run: Run) -> str:
    trained = str(read_json(run.folder / NAME).get("tidegate"))
    found = {"Tidegate (training)": trained, "Tidegate (this card)": __version__, "PyTorch": torch.__version__}
    return "\n".join(f"- {name} {plain(it)}" for name, it in (found | {"Python": platform.python_version()}).items())
