"""``tidegate evaluate`` for tasks on independent examples: metrics beside baselines, and tables."""

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from tidegate.data.columns import Part
from tidegate.errors import ArgumentError
from tidegate.tasks.encode_examples import TrainedTask, encoded, remarks, rows_of
from tidegate.tasks.metrics_report import Metric, Report
from tidegate.train.run_folder import Run, load_run
from tidegate.train.task import EvaluationOptions, EvaluationText


class MeasurableTask(TrainedTask, Protocol):
    """A task as it was trained, see `tidegate.tasks.base_task.ExampleTask`."""

    def measure(self, model: Any, part: Part, *, tables: bool = True) -> Report: ...  # noqa: D102


Create = Callable[[Any, Any], MeasurableTask]
"""Creates a task from a model config and the fitted preprocessing: its class."""


def evaluate_run(kind: Create, run: Run, files: Sequence[Path], options: EvaluationOptions) -> EvaluationText:
    """Evaluate a run on a part of its own examples, or on other files, with all tables.

    Raises:
        ArgumentError: an option is for language models, or the run's data have no such part.
        DataError: a file is not what the task reads.
    """
    for flag, given in (
        ("--limit", options.limit),
        ("--cache", options.cache),
        ("--dynamic", options.dynamic),
        ("--pattern", options.pattern),
    ):
        if given in (None, "*"):
            continue
        raise ArgumentError(f"{flag} is for language models, but {run.place} is a run of {run.config.task}.")
    task, notes = kind(options.model, run.vocabulary), []
    if files:
        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            report = _measure(run, task, encoded(task, files, Path(folder)))
        notes = [
            *remarks(type(task), files, options.model),
            *task.unfamiliar(rows_of(type(task), files, options.model)),
        ]
        where = ", ".join(map(str, files))
    else:
        parts = run.open_data().parts
        part = options.split or ("test" if len(parts["test"]) else "validation")
        if not len(parts[part]):
            raise ArgumentError(f"The run's data have no {part} part: choose another with --split.")
        report, where = _measure(run, task, parts[part]), f"{part} ({run.config.split_kind})"
    lines = [
        f"run    {run.place}, {run.config.task}, {run.config.model.cell}, step {run.step:,}",
        f"data   {where}: {report.predictions:,} {run.config.prediction_name}s predicted",
        "",
        metrics_table(report, run.config.loss_name),
    ]
    tables = "".join(f"\n\n{title}\n\n{it}" for title, it in report.tables.items())
    return EvaluationText("\n".join(lines) + tables, notes, _record(run, where, report))


def _record(run: Run, where: str, report: Report) -> dict[str, Any]:
    metrics = {
        m.name: {"value": m.value}
        | ({"baseline": m.baseline, "of_baseline": m.of_baseline, "verdict": _verdict(m) or None} if m.baseline else {})
        for m in report.metrics
    }
    return {
        "run": run.place,
        "task": run.config.task,
        "step": run.step,
        "data": where,
        "predictions": report.predictions,
        "prediction": run.config.prediction_name,
        "loss": report.loss,
        "loss_name": run.config.loss_name,
        "metrics": metrics,
    }


def validation_summary(kind: Create, folder: Path) -> str:
    """Format the metrics of the best checkpoint on the validation part; empty without such a part."""
    run = load_run(folder)
    report = _validated(kind, run)
    if report is None:
        return ""
    name = run.config.prediction_name
    head = f"On the validation part ({run.config.split_kind}), {report.predictions:,} {name}s:"
    return head + "\n\n" + metrics_table(report, run.config.loss_name)


def seed_summary(kind: Create, folders: Sequence[Path]) -> str:
    """Format mean and deviation of each metric over runs that differ in their seed; empty without a validation part."""
    reports = [report for folder in folders if (report := _validated(kind, load_run(folder))) is not None]
    if not reports:
        return ""
    lines = [f"{len(folders)} seeds, mean ± deviation on the validation part:", ""]
    for n, metric in enumerate(reports[0].metrics):
        values = [report.metrics[n].value for report in reports]
        each = " ".join(f"{value:.4g}" for value in values)
        lines.append(f"  {metric.name:<12}  {statistics.mean(values):.4g} ± {statistics.stdev(values):.2g}   ({each})")
    return "\n".join(lines)


def metrics_table(report: Report, loss_name: str) -> str:
    """Format a line for each metric: the model's value, its baseline's, and whether it is better."""
    rows = [(m.name, f"{m.value:.4g}", _baseline(m), _verdict(m)) for m in report.metrics]
    rows.append((loss_name, f"{report.loss:.4g}", "", ""))
    wide = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows), max(len(row[2]) for row in rows)
    return "\n".join(
        f"  {name:<{wide[0]}}  {value:>{wide[1]}}  {other:<{wide[2]}}  {verdict}".rstrip()
        for name, value, other, verdict in rows
    )


def _baseline(metric: Metric) -> str:
    return f"{metric.baseline} {metric.of_baseline:.4g}" if metric.baseline else ""


def _verdict(metric: Metric) -> str:
    if not metric.baseline or metric.higher_is_better is None:
        return ""
    return "better" if metric.beaten else "NOT better"


def _validated(kind: Create, run: Run) -> Report | None:
    part = run.open_data().parts["validation"]
    return _measure(run, kind(run.config.model, run.vocabulary), part, tables=False) if len(part) else None


def _measure(run: Run, task: MeasurableTask, part: Part, *, tables: bool = True) -> Report:
    with torch.inference_mode():
        return task.measure(run.model, part, tables=tables)
