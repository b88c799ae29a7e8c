"""Regression: a value at every step of a series, from the inputs up to that step.

h_1 .. h_T = recurrent(x_1 .. x_T),  y_t = W h_t + V x_t + b

x and y are normalised to mean 0 and deviation 1 on the training part. Training is truncated backpropagation through
time over segments of the series, see `tidegate.tasks.regress.segments`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.cells import get_cell
from tidegate.data.column_kinds import ColumnKind, stored_text
from tidegate.data.columns import Encoded, Examples, Part, Preprocessing
from tidegate.data.rows import Row
from tidegate.errors import DataError
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.elapsed_times import MASK, ElapsedTimes
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.layers import each_state, mask
from tidegate.tasks.metrics_report import Metric, Report
from tidegate.tasks.regress.audio import Pair
from tidegate.tasks.regress.baselines import FILTER, baselines_of
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.losses import UNITS, elementwise_loss
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.regress.output import write_predictions
from tidegate.tasks.regress.preparation import encode_series, fit_series, remarks_on, shifted, split_in_time
from tidegate.tasks.regress.reader import grouped, read_series
from tidegate.tasks.regress.scores import SCORES, Predictions
from tidegate.tasks.regress.segments import SegmentBatches
from tidegate.train.stretches import Stretch, read_window
from tidegate.train.task import Carried, Loss

MODEL = "model"
LARGEST_BATCH = 1 << 22  # steps that are evaluated together


class RegressTask(ExampleTask):
    """A value at every step of a series (many to many, aligned)."""

    name = "regress"
    look: str | None = "tidegate.lens.tasks.regressor:look"
    prediction_name = "value"
    split_name = "contiguous in every series,"
    Config = RegressConfig
    LENGTH: str = "inputs"
    data_help: str = "Tables, .npz files, pairs of .wav files or folders of them; or sample:amplifier, sample:runoff."
    training_defaults: Mapping[str, Any] = {
        "batch_size": 16,
        "k1": 100,
        "learning_rate": 5e-3,
        "validate_every": 100,
        "epochs": 10,
    }
    fewest_steps: int = 1500
    extra_settings: Sequence[str] = ("k1", "k2")
    next_commands: Sequence[str] = ("tidegate evaluate {run}", "tidegate predict {run} FILE --out predicted.csv")

    @property
    def loss_unit(self) -> str:
        """What the loss is, of errors in deviations of the target."""
        return UNITS[self.config.loss]

    @classmethod
    def group_files(cls, paths: Sequence[Path]) -> Sequence[Any]:
        """Return the files, and WAV files in pairs."""
        return grouped(paths)

    @classmethod
    def read(cls, path: Path | Pair, config: RegressConfig) -> Iterator[Row]:
        """Read tables, ``.npz`` or WAV; see `tidegate.tasks.regress.reader`."""
        return (shifted(row, config.shift) for row in read_series(path, config))

    @classmethod
    def remarks(cls, path: Any, config: RegressConfig) -> Sequence[str]:
        """Say by how much the target of a pair of recordings is delayed, unless that is as chosen."""
        return remarks_on(path, config)

    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]:
        """Split each series in time; rows of later parts include the earlier parts."""
        return split_in_time(rows, shares)

    @classmethod
    def fit(cls, rows: Iterable[Row], config: RegressConfig) -> tuple[Preprocessing, list[str]]:
        """Fit means, deviations, the burn-in and the linear filter of the baseline."""
        return fit_series(rows, config)

    @classmethod
    def encode(
        cls, row: Row, config: RegressConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Normalise a series; of a later part, with the steps before it that set the state."""
        return [encode_series(row, config, preprocessing, labelled=labelled)]

    @classmethod
    def column_kinds(cls, config: RegressConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        inputs, targets = (len(preprocessing.numbers(f"{name}_mean")) for name in ("input", "target"))
        return {
            "inputs": ColumnKind("f4", (inputs,), shortest=1),
            "targets": ColumnKind("f4", (targets,), length="inputs", finite=False),
            "weights": ColumnKind("f4", (targets,), length=1),
            "skip": ColumnKind("i8", length=1),
            "name": ColumnKind("u1"),
        }

    @classmethod
    def make_model(cls, config: RegressConfig, vocabulary: Preprocessing, backend: str | None) -> Regressor:
        """Make a new model."""
        sizes = [len(vocabulary.numbers(f"{name}_mean")) for name in ("input", "target")]
        elapsed = None
        if config.elapsed != "none" and MASK in get_cell(config.cell).masks:
            mean, deviation = (vocabulary.numbers(f"input_{it}")[-1] for it in ("mean", "deviation"))
            elapsed = ElapsedTimes(sizes[0] - 1, mean, deviation, config.elapsed)
        scale = None
        if config.direct == "input" and sizes[0] == sizes[1]:
            own, target = (np.array(vocabulary.numbers(f"{it}_deviation", sizes[0])) for it in ("input", "target"))
            scale = (own / target).tolist()
        return Regressor(config, *sizes, elapsed=elapsed, scale=scale, backend=backend)

    # Training, with the state handed on from window to window.

    def batches(self, rank: int, world: int) -> SegmentBatches:  # type: ignore[override]
        """Return the windows of process ``rank`` out of ``world``."""
        examples, settings = self._training()
        return SegmentBatches(
            examples.parts["train"],
            settings.batch_size,
            settings.k1,
            self.preprocessing.number("burn_in"),
            self.config.segment,
            k2=settings.k1 if settings.k2 is None else settings.k2,
            seed=settings.seed,
            rank=rank,
            world=world,
        )

    @classmethod
    def default_epochs(cls, data: Examples, batch_size: int) -> int:
        """Return the number of epochs if no budget is given: 10, or more to reach 1,500 steps of the default k1."""
        steps = int(data.parts["train"].columns["inputs"].lengths.sum())
        windows = max(1, steps // (batch_size * cls.training_defaults["k1"]))
        return max(cls.training_defaults["epochs"], -(-cls.fewest_steps // windows))

    def start(self, model: Any, rank: int, world: int) -> Carried:
        """Return the zero state of each segment of a group, and no error before the first step."""
        rows = self._training()[1].batch_size // world
        states = dict(zip(model.recurrent.cell.states, model.zero_state(rows), strict=True))
        return states | {"error before": model.output.weight.new_zeros(rows, model.targets)}

    def loss(self, model: Any, batch: Any, carried: Carried, sampling_probability: float) -> Loss:
        """Compute the mean loss of a window; the detached state goes on to the next one."""
        device = next(model.parameters()).device
        names = model.recurrent.cell.states
        inputs, targets, weights = (
            it.to(device, non_blocking=True) for it in (batch.inputs, batch.targets, batch.weights)
        )
        lengths = None if batch.lengths is None else batch.lengths.to(device)
        before, state = carried["error before"], _state([carried[name] for name in names])
        if batch.first:
            before, state = torch.zeros_like(before), None
            if batch.burn_in:
                with torch.no_grad():
                    _, state = model(inputs[: batch.burn_in], _within(lengths, 0, batch.burn_in))
                inputs, targets = inputs[batch.burn_in :], targets[batch.burn_in :]
                lengths = _within(lengths, batch.burn_in, len(inputs))
        totals: list[Tensor] = []

        def read(stretch: Stretch, carried: tuple[Any, Tensor]) -> tuple[Any, Tensor]:
            state, before = carried
            begin, end, counts = stretch
            y, state = model(inputs[begin:end], _within(lengths, begin, end - begin), state)
            error = _error(y, targets[begin:end])
            if counts:
                totals.append(self._sum(error, targets[begin:end], before, weights))
            return state, error[-1]

        shape = {"length": len(inputs), "new": batch.new, "advance": batch.advance, "k2": batch.k2}
        state, before = read_window(read, (state, before), _detached, **shape)
        if state is None:  # the next window begins here too, from zero
            state = _state(model.zero_state(inputs.shape[1]))
        found = state if isinstance(state, tuple) else (state,)
        states = dict(zip(names, found, strict=True))
        return Loss(torch.stack(totals).sum() / batch.share, states | {"error before": before})

    def summed_loss(self, model: Regressor, columns: Columns, sampling_probability: float) -> Tensor:
        """Compute the sum of the losses of whole series, read from a zero state."""
        targets, lengths = self._counted(columns)
        error = _error(model.read(columns["inputs"].values.transpose(0, 1), lengths), targets)
        return self._sum(error, targets, torch.zeros_like(error[0]), columns["weights"].values[:, 0])

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """Count the known targets of each series that are not in its burn-in."""
        columns = part.columns
        skips = (int(columns["skip"][n][0]) for n in range(len(part)))
        return np.array([np.isfinite(columns["targets"][n][skip:]).sum() for n, skip in enumerate(skips)], np.int64)

    def _sum(self, error: Tensor, targets: Tensor, before: Tensor, weights: Tensor) -> Tensor:
        each = elementwise_loss(self.config.loss, error, before, self.config.pre_emphasis) * weights
        return each.masked_fill(targets.isnan(), 0).sum()

    @staticmethod
    def _counted(columns: Columns) -> tuple[Tensor, Tensor]:
        """Return targets (T, B, K), nan where they do not count, and lengths."""
        values, lengths = columns["targets"].values, columns["inputs"].lengths
        steps = torch.arange(values.shape[1], device=values.device)
        counts = mask(lengths, values.shape[1]) & (steps >= columns["skip"].values)
        return values.masked_fill(~counts[..., None], torch.nan).transpose(0, 1), lengths

    # Evaluation and prediction.

    def measure(self, model: Regressor, part: Part, *, tables: bool = True) -> Report:
        """Compute NSE, KGE, ESR, MAE and RMSE beside the mean, the last value and a linear filter.

        Raises:
            DataError: no target is known.
        """
        count = int(self.predictions(part).sum())
        if not count:
            raise DataError("No target is known in these data: there is nothing to compare predictions with.")

        def act(columns: Columns) -> list[tuple[float, NDArray[np.float64]]]:
            targets, lengths = self._counted(columns)
            y = model.read(columns["inputs"].values.transpose(0, 1), lengths)
            weights, zero = columns["weights"].values[:, 0], torch.zeros_like(y[0])
            found = []
            for n, length in enumerate(lengths.tolist()):
                own = slice(n, n + 1)
                loss = self._sum(_error(y[:, own], targets[:, own]), targets[:, own], zero[own], weights[own])
                found.append((float(loss), self.in_units("target", y[:length, n])))
            return found

        with torch.no_grad():
            results = map_batches(part, self.LENGTH, model, act, self.batch_size(part))
        skips = [int(part.columns["skip"][n][0]) for n in range(len(part))]
        names = [stored_text(part.columns["name"][n]) for n in range(len(part))]
        truth = [
            self.in_units("target", torch.from_numpy(np.array(part.columns["targets"][n]))) for n in range(len(part))
        ]
        made: dict[str, Any] = {MODEL: [y for _, y in results]}
        inputs = [np.asarray(part.columns["inputs"][n]) for n in range(len(part))]
        made |= baselines_of(inputs, truth, self.preprocessing)
        cut = {by: [y[skip:] for y, skip in zip(each, skips, strict=True)] for by, each in made.items()}
        found = Predictions(names, self.names("targets"), [y[skip:] for y, skip in zip(truth, skips, strict=True)], cut)
        metrics = [
            Metric(name, found.mean(name, MODEL), FILTER, found.mean(name, FILTER), higher_is_better=higher)
            for name, (_, higher) in SCORES.items()
        ]
        texts = {}
        if tables:
            texts["Each target, beside the baselines:"] = found.table()
            if len(names) > 1:
                texts["NSE of the series that are predicted worst:"] = found.series_table(MODEL)
        return Report(sum(loss for loss, _ in results) / count, count, metrics, texts)

    def predict(self, model: Regressor, columns: Columns) -> list[dict[str, Any]]:
        """Predict the targets of every step, in their units; of a table those of its rows, in order of time."""
        lengths = columns["inputs"].lengths
        y = model.read(columns["inputs"].values.transpose(0, 1), lengths)
        found = []
        for n, length in enumerate(lengths.tolist()):
            name = stored_text(columns["name"].values[n, : int(columns["name"].lengths[n])].cpu().numpy())
            kept = columns["kept"].values[n, :length].bool()
            values = self.in_units("target", y[:length, n][kept]).T.tolist()
            found.append({"series": name, "values": dict(zip(self.names("targets"), values, strict=True))})
        return found

    def text(self, prediction: dict[str, Any]) -> str:
        """Summarise the predictions of a series in a line."""
        ranges = [f"{name} {min(it):.5g} to {max(it):.5g}" for name, it in prediction["values"].items()]
        steps = len(next(iter(prediction["values"].values())))
        return f"{prediction['series']}: {steps:,} steps, {', '.join(ranges)}"

    @staticmethod
    def write_predictions(found: Iterable[tuple[Row, dict[str, Any]]], path: Path) -> Sequence[str]:
        """Write predictions to a file, see `tidegate.tasks.regress.output`; return notes for the user."""
        return write_predictions(found, path)

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Return none: what a filter reaches is in the metrics, which have units."""
        return {}, []

    def batch_size(self, part: Part) -> int:
        """Return how many series are read together: fewer of long ones."""
        return int(np.clip(LARGEST_BATCH // max(1, int(part.columns["inputs"].lengths.max())), 1, 64))

    def names(self, kind: Literal["inputs", "targets"]) -> list[str]:
        """Return the names of the inputs or targets."""
        return self.preprocessing.vocabulary(kind).entries

    def in_units(self, kind: Literal["input", "target"], values: Tensor) -> NDArray[np.float64]:
        """Return normalised inputs (T, F) or targets (T, K) in their own units.

        Raises:
            RunFolderError: there is no mean or deviation for each of them: the preprocessing was altered.
        """
        width = values.shape[-1]
        mean, deviation = (np.array(self.preprocessing.numbers(f"{kind}_{it}", width)) for it in ("mean", "deviation"))
        return values.detach().double().cpu().numpy() * deviation + mean


def _detached(carried: tuple[Any, Tensor]) -> tuple[Any, Tensor]:
    state, before = carried
    return None if state is None else each_state(state, Tensor.detach), before.detach()


def _state(parts: Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
    return parts[0] if len(parts) == 1 else tuple(parts)


def _within(lengths: Tensor | None, start: int, steps: int) -> Tensor | None:
    """Return how many of some steps, from ``start`` on, are within the lengths; None: all."""
    return None if lengths is None else (lengths - start).clamp(0, steps)


def _error(y: Tensor, targets: Tensor) -> Tensor:
    """Return prediction - target, 0 where the target is not known."""
    return torch.where(targets.isnan(), 0.0, y - targets)
