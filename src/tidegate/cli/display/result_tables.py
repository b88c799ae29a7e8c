"""What a model of any task but the language model achieves, beside what needs no network, as text."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tidegate.tasks.metrics_report import Report
    from tidegate.train import Run

__all__ = ["evaluate_examples", "spread", "summary", "table"]


def evaluate_examples(run: Run, files: list[Path], split: str | None, config: Any) -> None:
    """Measure a run on a part of its own examples, or on other files, with all tables; ``config`` is the model's."""
    task = _task(run, config)
    if not files:
        parts = _parts(run)
        part = split or ("test" if len(parts["test"]) else "validation")
        if not len(parts[part]):
            raise typer.BadParameter(f"the run's data have no {part} part; choose another", param_hint="--split")
        said, where = _report(run, task, parts[part]), f"{part} ({run.config.split_kind})"
    else:
        from tidegate.tasks.encode_examples import encoded

        with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
            said = _report(run, task, encoded(task, files, Path(folder)))
        where = ", ".join(map(str, files))
    typer.echo(f"run    {run.folder}, {run.config.task}, {run.config.model.cell}, step {run.step:,}")
    typer.echo(f"data   {where}: {said.predictions:,} {run.config.prediction_name}s predicted\n")
    typer.echo(table(said, run.config.prediction_name))
    for title, block in said.tables.items():
        typer.echo(f"\n{title}\n\n{block}")


def summary(run: Run) -> str:
    """The best model on its validation part, in a few lines; empty without such a part."""
    said = _validated(run)
    if said is None:
        return ""
    head = f"On the validation part ({run.config.split_kind}), {said.predictions:,} {run.config.prediction_name}s:"
    return head + "\n\n" + table(said, run.config.prediction_name)


def table(report: Report, unit: str) -> str:
    """A line for each metric: the model's, its baseline's, and which is better."""
    rows = [(m.name, f"{m.value:.4g}", _baseline(m), _verdict(m)) for m in report.metrics]
    rows.append((f"nats/{unit}", f"{report.nats:.4g}", "", ""))
    wide = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows), max(len(row[2]) for row in rows)
    return "\n".join(
        f"  {name:<{wide[0]}}  {value:>{wide[1]}}  {other:<{wide[2]}}  {verdict}".rstrip()
        for name, value, other, verdict in rows
    )


def spread(folders: list[Path]) -> str:
    """Mean and deviation of each metric over runs that differ in their seed; empty without a validation part."""
    from tidegate.train import load_run

    reports = [report for folder in folders if (report := _validated(load_run(folder))) is not None]
    if not reports:
        return ""
    lines = [f"{len(folders)} seeds, mean ± deviation on the validation part:", ""]
    for n, metric in enumerate(reports[0].metrics):
        values = [report.metrics[n].value for report in reports]
        each = " ".join(f"{value:.4g}" for value in values)
        lines.append(f"  {metric.name:<12}  {statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}   ({each})")
    return "\n".join(lines)


def _baseline(metric: Any) -> str:
    return f"{metric.baseline} {metric.of_baseline:.4g}" if metric.baseline else ""


def _verdict(metric: Any) -> str:
    if not metric.baseline or metric.higher_is_better is None:
        return ""
    return "better" if metric.beaten else "NOT better than the baseline"


def _task(run: Run, config: Any) -> Any:
    from tidegate.train.registry import example_task

    return example_task(run.config.task)(config, run.vocabulary)


def _parts(run: Run) -> Any:
    from tidegate.data.columns import open_examples

    return open_examples(run.folder).parts


def _validated(run: Run) -> Report | None:
    part = _parts(run)["validation"]
    return _report(run, _task(run, run.config.model), part, tables=False) if len(part) else None


def _report(run: Run, task: Any, part: Any, *, tables: bool = True) -> Report:
    import torch

    with torch.inference_mode():
        return task.measure(run.model, part, tables=tables)
