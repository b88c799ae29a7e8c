"""Synthetic problems that need long-term memory.

h_1 .. h_T = recurrent(x_1 .. x_T),  o_t = W h_t + b at the steps with a target: a number, with squared error as loss,
or a class, with loss -log softmax(o_t). The problems are in `tidegate.data.samples.probes`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.frames import checked_frames, read_frames
from tidegate.data.rows import Row
from tidegate.errors import DataError
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.layers import recurrent
from tidegate.tasks.metrics_report import Metric, Report
from tidegate.train.hub.pretrained_model import PretrainedModel
from tidegate.train.options import RecurrentConfig, option

SOLVED_ERROR, SOLVED_SHARE = 0.01, 0.99
MOST_CLASSES = 1000


@dataclass(frozen=True, repr=False)
class ProbeConfig(RecurrentConfig):
    """Architecture of a probe; the problem is read from the data."""

    hidden_size: int = option(64, "Hidden units per layer.", min=1)
    dropout: float = option(0.0, "Dropout between the layers.", min=0, below=1)


class Probe(PretrainedModel):
    """Recurrent layers and an output layer.

    Args:
        config: the model config.
        features: F, of the input.
        outputs: 1 for a number, C for classes.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: ProbeConfig, features: int, outputs: int, *, backend: str | None = None) -> None:
        super().__init__()
        self.recurrent = recurrent(config, features, backend=backend)
        self.output = nn.Linear(config.hidden_size, outputs)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, L, F) to (B, L, C)."""
        return self.output(self.recurrent(frames, lengths=lengths)[0])


class ProbeTask(ExampleTask):
    """A synthetic problem that needs long-term memory."""

    name = "probe"
    prediction_name = "answer"
    Config = ProbeConfig
    LENGTH: str = "frames"
    training_defaults: Mapping[str, Any] = {"learning_rate": 5e-3, "validate_every": 100, "epochs": 1}
    fewest_steps: int = 3000

    @property
    def loss_unit(self) -> str:
        """Nats, or for answers that are numbers the squared error."""
        return "squared error" if self.preprocessing.text("kind") == "numbers" else "nats"

    @classmethod
    def read(cls, path: Path, config: ProbeConfig) -> Iterator[Row]:
        """Read ``.npz`` with frames, lengths, targets and, optionally, legal."""
        if path.suffix != ".npz":
            raise DataError(f"{path}: a probe reads .npz files, such as those of sample:adding-50.")
        return read_frames(path, label="targets", optional=("legal",))

    @classmethod
    def fit(cls, rows: Iterable[Row], config: ProbeConfig) -> tuple[Preprocessing, list[str]]:
        """Fit the kind of targets, numbers or classes, and their mean or frequencies."""
        counts: NDArray[np.int64] = np.zeros(0, np.int64)
        total = asked = longest = features = 0
        kind = ""
        for row in rows:
            frames, targets = checked_frames(row), _targets(row)
            features, longest = frames.shape[1], max(longest, len(frames))
            own = "numbers" if targets.dtype.kind == "f" else "classes"
            if kind not in ("", own):
                raise DataError(f"{row.where}: 'targets' are {own}, but were {kind} before.")
            kind = own
            given = targets[_is_asked(targets)]
            asked += len(given)
            if kind == "numbers":
                total += float(given.sum(dtype=np.float64))
            else:
                if len(given) and given.max() >= MOST_CLASSES:
                    raise DataError(f"{row.where}: class {given.max()} is beyond the {MOST_CLASSES} that are possible.")
                legal = row.values.get("legal", np.zeros((0, 0)))
                found = np.bincount(given, minlength=max(len(counts), legal.shape[1]))
                found[: len(counts)] += counts
                counts = found
        if not asked:
            raise DataError("The training part has no targets.")
        preprocessing: dict[str, Any] = {"kind": kind, "features": features}
        if kind == "numbers":
            preprocessing |= {"outputs": 1, "always": [total / asked]}
        else:
            # A class that never occurs gets a small probability: log 0 is not finite.
            preprocessing |= {"outputs": len(counts), "always": np.log(np.maximum(counts, 0.5) / asked).tolist()}
        return Preprocessing(preprocessing), [f"targets are {kind}; at most {longest:,} steps"]

    @classmethod
    def encode(
        cls, row: Row, config: ProbeConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Encode the one example of a row."""
        frames = checked_frames(row, features=preprocessing.number("features"))
        if not len(frames):
            raise DataError(f"{row.where} has no step.")
        if not labelled:
            return [{"frames": frames}]
        targets, outputs = _targets(row), preprocessing.number("outputs")
        if (targets.dtype.kind == "f") != (preprocessing.text("kind") == "numbers"):
            raise DataError(f"{row.where}: 'targets' should be {preprocessing.text('kind')}, as in the training part.")
        example = {"frames": frames, "targets": targets, "asked": _is_asked(targets)}
        if preprocessing.text("kind") == "classes":
            if targets.max() >= outputs:
                raise DataError(f"{row.where}: class {targets.max()} does not occur in the training part.")
            legal = row.values.get("legal")
            if legal is not None and legal.shape[1:] != (outputs,):
                raise DataError(f"{row.where}: 'legal' should have {outputs} classes, but has {legal.shape[1:]}.")
            every = np.eye(outputs, dtype=np.bool_)[np.maximum(targets, 0)] if legal is None else legal[: len(frames)]
            example["legal"] = every.astype(np.bool_)
        return [example]

    @classmethod
    def column_kinds(cls, config: ProbeConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        outputs, classes = preprocessing.number("outputs"), preprocessing.text("kind") == "classes"
        targets = ColumnKind("i8", below=outputs, lowest=-(2**63)) if classes else ColumnKind("f4", finite=False)
        found = {
            "frames": ColumnKind("f4", (preprocessing.number("features"),), shortest=1),
            "targets": targets._replace(length="frames"),
            "asked": ColumnKind("b", length="frames"),
        }
        return found | ({"legal": ColumnKind("b", (outputs,), length="frames")} if classes else {})

    @classmethod
    def make_model(cls, config: ProbeConfig, vocabulary: Preprocessing, backend: str | None) -> Probe:
        """Make a new model."""
        return Probe(config, vocabulary.number("features"), vocabulary.number("outputs"), backend=backend)

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """Count the targets of each sequence."""
        return np.array([int(row.sum()) for row in part.rows(range(len(part)))["asked"]], np.int64)

    def summed_loss(self, model: Probe, columns: Columns, sampling_probability: float) -> Tensor:
        """Compute the sum of the squared errors, or of -log p(class)."""
        asked = columns["asked"].values
        return self._losses(model(*columns["frames"])[asked], columns["targets"].values[asked]).sum()

    def measure(self, model: Probe, part: Part, *, tables: bool = True) -> Report:
        """Compute mean squared error or the fraction of right sequences, beside a constant prediction; and "solved"."""
        always = torch.tensor(self.preprocessing.numbers("always", self.preprocessing.number("outputs")))

        def score(columns: Columns) -> list[tuple[float, int, bool, float, bool]]:
            predicted = model(*columns["frames"])
            same = always.to(predicted).expand_as(predicted)
            return list(zip(*self._score(predicted, columns), *self._score(same, columns)[::2], strict=True))

        losses, asked, right, of_same, same_right = (
            np.array(it) for it in zip(*map_batches(part, self.LENGTH, model, score), strict=True)
        )
        count = int(asked.sum())
        if self.preprocessing.text("kind") == "numbers":
            value, same, solved = losses.sum() / count, of_same.sum() / count, losses.sum() / count < SOLVED_ERROR
            first = Metric("mean squared error", float(value), "always the mean", float(same), False)
        else:
            value, same, solved = right.mean(), same_right.mean(), right.mean() >= SOLVED_SHARE
            first = Metric("sequences right", float(value), "always the most frequent", float(same))
        return Report(float(losses.sum()) / count, count, [first, Metric("solved", float(solved))])

    def predict(self, model: Probe, columns: Columns) -> list[dict[str, Any]]:
        """Predict the answer at each step."""
        predicted = model(*columns["frames"])
        answers = predicted.squeeze(2) if self.preprocessing.text("kind") == "numbers" else predicted.argmax(2)
        lengths = columns["frames"].lengths.tolist()
        return [{"answers": row[:length].tolist()} for row, length in zip(answers, lengths, strict=True)]

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the loss of the mean, or of the class frequencies, of the training part."""
        part = self._training()[0].parts["validation"]
        if not len(part):
            return {}, []
        rows = part.rows(range(len(part)))
        given = torch.from_numpy(np.concatenate([t[a] for t, a in zip(rows["targets"], rows["asked"], strict=True)]))
        same = torch.tensor(self.preprocessing.numbers("always", self.preprocessing.number("outputs"))).expand(
            len(given), -1
        )
        return {"always the same": self._losses(same, given).mean().item()}, []

    def _losses(self, predicted: Tensor, targets: Tensor) -> Tensor:
        """(..., C) and (...) to (...)."""
        if self.preprocessing.text("kind") == "numbers":
            return (predicted.squeeze(-1) - targets) ** 2
        return -predicted.log_softmax(-1).gather(-1, targets.clamp_min(0)[..., None]).squeeze(-1)

    def _score(self, predicted: Tensor, columns: Columns) -> tuple[list[float], list[int], list[bool]]:
        """Return for each sequence the summed loss, the number of targets, and whether all answers are right."""
        asked = columns["asked"].values
        losses = self._losses(predicted, columns["targets"].values).masked_fill(~asked, 0).sum(1).tolist()
        if self.preprocessing.text("kind") == "numbers":
            right = torch.zeros(len(predicted), dtype=torch.bool)
        else:
            legal = columns["legal"].values
            lowest = predicted.masked_fill(~legal, torch.inf).amin(2)
            right = ((lowest > predicted.masked_fill(legal, -torch.inf).amax(2)) | ~asked).all(1)
        return losses, asked.sum(1).tolist(), right.tolist()


def _targets(row: Row) -> NDArray[Any]:
    """Return a row's targets: (L,) float32 or int64.

    Raises:
        DataError: there are none, or they are of another type.
    """
    targets = row.values.get("label")
    if targets is None or isinstance(targets, str) or targets.ndim != 1 or targets.dtype.kind not in "fiu":
        raise DataError(f"{row.where}: there should be an array 'targets' (N, T) of numbers or classes.")
    return targets.astype(np.float32 if targets.dtype.kind == "f" else np.int64)


def _is_asked(targets: NDArray[Any]) -> NDArray[np.bool_]:
    return ~np.isnan(targets) if targets.dtype.kind == "f" else targets >= 0
