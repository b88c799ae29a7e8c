"""A table: which cells solve which long-term memory problems at which lag."""

import math
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tidegate.data.columns import Examples
from tidegate.data.samples import write_sample
from tidegate.data.samples.probes import PROBLEMS
from tidegate.data.sources import find_sources
from tidegate.errors import ArgumentError, NonFiniteLossError
from tidegate.io.wording import quoted
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.probe.task import ProbeConfig, ProbeTask
from tidegate.train.config import TrainConfig
from tidegate.train.distributed import one_writer
from tidegate.train.events import Event, Progressed, Started, Validated
from tidegate.train.run_folder import new_run
from tidegate.train.training import train


@dataclass(frozen=True)
class ProbeResult:
    """One cell on one problem at one lag.

    Attributes:
        cell: name of the cell.
        problem: as in `tidegate.data.samples.probes.PROBLEMS`.
        lag: the lag in steps.
        solved: whether it was solved.
        steps: optimizer steps until it was solved, or all steps.
        metric: "sequences right" or "mean squared error", on the validation part.
        value: the best value; nan if training diverged.
        baseline: loss of a constant prediction.
        seconds: duration of training.
    """

    cell: str
    problem: str
    lag: int
    solved: bool
    steps: int
    metric: str
    value: float
    baseline: float
    seconds: float


@dataclass(frozen=True)
class ProbeTable:
    """All results.

    Attributes:
        results: the results, in order.
        seed: random seed of data and training.
        steps: budget of each run.
        hidden_size: hidden units.
    """

    results: tuple[ProbeResult, ...]
    seed: int
    steps: int
    hidden_size: int

    def markdown(self) -> str:
        """Format a table for each problem, with a row for each cell and a column for each lag."""
        blocks = []
        for problem, about, (head, *rows) in self._tables("**{:,}**"):
            lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
            rule = "| --- |" + " ---: |" * (len(head) - 1)
            blocks.append("\n".join([f"**{problem}** {about}", "", lines[0], rule, *lines[1:]]))
        return "\n\n".join(blocks)

    def text(self) -> str:
        """Format the same tables for a terminal of 80 columns."""
        blocks = []
        for problem, about, rows in self._tables("{:,} steps"):
            wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines = [textwrap.fill(f"{problem} {about}", 80), ""]
            for cell, *entries in rows:
                lines.append(f"  {cell:<{wide[0]}}" + "".join(map("  {:>{}}".format, entries, wide[1:])))
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def _tables(self, solved: str) -> Iterator[tuple[str, str, list[list[str]]]]:
        """Yield each problem, what its table shows, and the table's rows, heading first."""
        for problem in dict.fromkeys(it.problem for it in self.results):
            own = {(it.cell, it.lag): it for it in self.results if it.problem == problem}
            lags, cells = sorted({lag for _, lag in own}), list(dict.fromkeys(cell for cell, _ in own))
            metric = next(iter(own.values())).metric
            about = (
                f"({PROBLEMS[problem]}): steps until solved, or the best {metric} after {self.steps:,}; "
                f"{self.hidden_size} hidden units, seed {self.seed}"
            )
            rows = [["cell", *(f"lag {lag}" for lag in lags)]]
            rows += [[cell, *(_entry(own.get((cell, lag)), solved) for lag in lags)] for cell in cells]
            yield problem, about, rows


def probe_table(
    cells: Sequence[str],
    problems: Sequence[str],
    lags: Sequence[int],
    *,
    steps: int = 3000,
    seed: int = 0,
    hidden_size: int = 64,
    batch_size: int = 32,
    learning_rate: float = 5e-3,
    validate_every: int = 100,
    folder: Path | None = None,
    report: Callable[[ProbeResult], None] = lambda result: None,
    watch: Callable[[Event], None] = lambda event: None,
) -> ProbeTable:
    """Train every cell on every problem at every lag, each until it is solved or the steps are used up.

    Ctrl-C ends the table with what is there.

    Args:
        cells: by name.
        problems: as in `tidegate.data.samples.probes.PROBLEMS`.
        lags: how far back.
        steps: optimizer steps of each at most.
        seed: of data and training; all cells learn from the same sequences in the same order.
        hidden_size: hidden units.
        batch_size: sequences per batch.
        learning_rate: peak learning rate.
        validate_every: steps between validations.
        folder: folder for the runs, each called PROBLEM-LAG-CELL. Default: they are not stored.
        report: called with each result.
        watch: called with every event of training.

    Returns:
        All results.

    Raises:
        ArgumentError: there is no such problem, or no cell, problem or lag is given.
        CellError: there is no such cell.
        DataError: a lag is too small for a problem.
        RunFolderError: the folder holds such a run already.
    """
    if unknown := [name for name in problems if name not in PROBLEMS]:
        raise ArgumentError(f"No problem is called {quoted(unknown[0])}; there are: {', '.join(PROBLEMS)}.")
    if not (cells and problems and lags):
        raise ArgumentError("Give at least one cell, one problem and one lag.")
    configs = {cell: ProbeConfig(cell=cell, hidden_size=hidden_size) for cell in cells}
    training = TrainConfig(
        batch_size=batch_size, steps=steps, learning_rate=learning_rate, validate_every=validate_every, seed=seed
    )
    results: list[ProbeResult] = []
    for problem in problems:
        for lag in lags:
            with ExitStack() as stack:
                data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                write_sample(f"{problem}-{lag}", data, seed)
                for cell, config in configs.items():
                    runs = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
                    found = _probe(problem, lag, config, training, data, runs / f"{problem}-{lag}-{cell}", watch)
                    if found is None:
                        return ProbeTable(tuple(results), seed, steps, hidden_size)
                    results.append(found)
                    report(found)
    return ProbeTable(tuple(results), seed, steps, hidden_size)


class _SolvedError(Exception):
    """Ends the training of a solved problem."""


def _probe(
    problem: str,
    lag: int,
    config: ProbeConfig,
    training: TrainConfig,
    data: Path,
    folder: Path,
    watch: Callable[[Event], None],
) -> ProbeResult | None:
    """Train on one problem; None if interrupted."""
    sources = find_sources([data], workspace=data)
    with one_writer(folder, training.device):
        examples = new_run(folder, lambda to: prepare_examples(ProbeTask, sources, config, to), task="probe")
        return _trained(problem, lag, config, training, examples, folder, watch)


def _trained(
    problem: str,
    lag: int,
    config: ProbeConfig,
    training: TrainConfig,
    examples: Examples,
    folder: Path,
    watch: Callable[[Event], None],
) -> ProbeResult | None:
    numbers = examples.preprocessing.text("kind") == "numbers"
    metric, better = ("mean squared error", min) if numbers else ("sequences right", max)
    values: list[float] = []
    last, baseline, solved = 0, 0.0, False

    def see(event: Event) -> None:
        nonlocal last, baseline, solved
        watch(event)
        if isinstance(event, Started):
            baseline = event.baselines["always the same"]
        elif solved and isinstance(event, Progressed | Validated):
            raise _SolvedError  # only now, after the model has been written
        elif isinstance(event, Validated):
            last, solved = event.step, bool(event.metrics["solved"])
            values.append(event.metrics[metric])
        elif isinstance(event, Progressed):
            last = event.step

    began = time.monotonic()
    try:
        if train(folder, examples, config, training, task="probe", report=see).reason == "interrupted":
            return None
        diverged = False
    except _SolvedError:
        diverged = False
    except NonFiniteLossError:
        diverged = not solved
    best = math.nan if diverged else better(values)
    seconds = time.monotonic() - began
    return ProbeResult(config.cell, problem, lag, solved, last, metric, best, baseline, seconds)


def _entry(result: ProbeResult | None, solved: str) -> str:
    if result is None:
        return ""
    if result.solved:
        return solved.format(result.steps)
    return "diverged" if math.isnan(result.value) else f"{result.value:.3g}"
