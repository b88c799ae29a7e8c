"""Forecasting: the distribution of the next value of a series, and sample paths.

x_t = (y_t, c_{t+1}),  h_1 .. h_T = recurrent(x_1 .. x_T),  y_{t+1} ~ D(a y_t + w h_t + b)

Of several targets y is a vector with a, w, b and D of its own for each component; given h_t they are independent.

y is a series normalised to mean 0 and deviation 1, c are covariates known in advance, D is a Gaussian or given by
quantiles, and the last value is added to the location of D (a starts at 1, so that the first forecast is the last
value). A forecast consists of many sample paths: values are drawn from D and fed back, step by step.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.cells import get_cell
from tidegate.data.column_kinds import ColumnKind, stored_text
from tidegate.data.columns import Encoded, Examples, Part, Preprocessing
from tidegate.data.rows import Row
from tidegate.data.series.row_order import notes_of_rows
from tidegate.drawing.text import label
from tidegate.errors import DataError
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.elapsed_times import MASK, ElapsedTimes
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.forecast.baseline_loss import baseline_loss
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import DISTRIBUTIONS
from tidegate.tasks.forecast.fit_series import fit_series
from tidegate.tasks.forecast.free_running import forecast_part, mean_and_quantiles, predicted, sample_paths
from tidegate.tasks.forecast.model import Forecaster, forget_past, inputs
from tidegate.tasks.forecast.prediction_table import TARGETS, predicted_targets, write_predictions
from tidegate.tasks.forecast.scores import Forecasts
from tidegate.tasks.forecast.series.categories import check_label_columns, label_columns, unknown_categories
from tidegate.tasks.forecast.series.gaps import NAMES
from tidegate.tasks.forecast.series.reader import check_counts, read_series
from tidegate.tasks.forecast.target_scores import all_tables, overall_metrics
from tidegate.tasks.forecast.windows import by_target, forecast, past_width, reference_columns, windows
from tidegate.tasks.metrics_report import Report
from tidegate.tasks.parts_in_time import parts_in_time
from tidegate.train.config import SAMPLING

BANDS = (0.1, 0.25, 0.5, 0.75, 0.9)
NOTES = 5  # remarks on categories


class ForecastTask(ExampleTask):
    """The next steps of a time series.

    Each series is split in time: its last parts, at least a horizon each, are for validation and test. A training
    example is a window of the training part. An evaluation example is a forecast: the steps before it, those of
    earlier parts included, and one horizon. Normalisation and seasons come from the training part alone.
    """

    name = "forecast"
    look: str | None = "tidegate.lens.tasks.forecaster:look"
    prediction_name = "step"
    split_name = "contiguous in every series,"
    Config = ForecastConfig
    LENGTH: str = "frames"
    PACKAGES: Sequence[str] = ("scipy",)
    training_defaults: Mapping[str, Any] = {
        "batch_size": 16,
        "learning_rate": 5e-3,
        "validate_every": 1000,
        "epochs": 10,
        "sampling_probability_start": 0.0,
    }
    fewest_steps: int = 6000  # free-running forecasts take long to become good
    extra_settings: Sequence[str] = SAMPLING
    keeps_paths: bool = False

    @property
    def loss_unit(self) -> str:
        """Nats, or for quantiles their pinball loss, in deviations of the series."""
        return DISTRIBUTIONS[self.config.distribution].loss_unit

    @classmethod
    def read(cls, path: Path, config: ForecastConfig) -> Iterator[Row]:
        """Read wide or long tables, or ``.npz`` of frames; see `tidegate.tasks.forecast.series.reader`."""
        for row in read_series(path, config):  # `split` needs the horizon
            if config.counts:
                check_counts(row)
            yield Row(row.where, row.values | {"horizon": config.horizon})

    @classmethod
    def remarks(cls, path: Path, config: ForecastConfig) -> Sequence[str]:
        """Say where the times of a table have gaps or are not in order."""
        return notes_of_rows(path, cls.read(path, config))

    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]:
        """Split each series in time; rows of later parts include the earlier parts."""
        for row in rows:
            values, horizon = row.values["values"], row.values["horizon"]
            spans = parts_in_time(len(values), shares, horizon)
            if not spans:
                raise DataError(
                    f"{row.where} has {len(values)} steps, but training needs 2, and each of validation and test the "
                    f"{horizon} of the horizon: give longer series, a shorter --horizon, or validation files."
                )
            for part, start, end in spans:
                own = {name: row.values[name][:end] for name in ("values", "covariates", "past", "labels")}
                own |= {"start": start, "learn": part == "train", "future_labels": row.values["future_labels"][:0]}
                yield part, Row(row.where, row.values | own)

    @classmethod
    def fit(cls, rows: Iterable[Row], config: ForecastConfig) -> tuple[Preprocessing, list[str]]:
        """Fit mean, deviation and naive error of each series, the covariates' statistics, season and changes."""
        return fit_series(rows, config)

    @classmethod
    def encode(
        cls, row: Row, config: ForecastConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Encode training windows; forecasts to evaluate; or, unlabelled, one forecast from the end of the series."""
        values, known, horizon = row.values["values"], row.values["covariates"], config.horizon
        check_label_columns(row, label_columns(preprocessing))
        if known.shape[1] != len(preprocessing.numbers("mean")):
            raise DataError(
                f"{row.where}: there are {known.shape[1]} covariates, but those of training were "
                f"{len(preprocessing.numbers('mean'))}."
            )
        if not labelled:
            if not len(values):
                raise DataError(f"{row.where}: the series has no value.")
            future = row.values["future"]
            if config.elapsed != "none" and not config.known:  # steps to come are of the usual length
                usual = np.full((max(0, horizon - len(future)), 1), np.median(known))
                future = np.concatenate([future, usual])
            if (known.shape[1] or config.known) and len(future) < horizon:
                raise DataError(
                    f"{row.where}: covariates of {horizon} steps after the last value are needed, but there are "
                    f"{len(future)}: add rows with covariates and an empty value, or give a shorter horizon."
                )
            ahead = future[:horizon] if known.shape[1] else np.zeros((horizon, 0))
            unknown = np.zeros((horizon, *values.shape[1:]))
            whole = {"values": np.concatenate([values, unknown]), "covariates": np.concatenate([known, ahead])}
            labels = np.full((len(values) + horizon, row.values["labels"].shape[1]), "", object)
            given = np.concatenate([row.values["labels"], row.values["future_labels"]])[: len(labels)]
            labels[: len(given)] = given
            whole["labels"] = labels
            yield forecast(Row(row.where, row.values | whole), len(values), config, preprocessing, labelled=False)
        elif row.values.get("learn"):
            yield from windows(row, config, preprocessing)
        else:
            # Other files have no earlier parts: the context is the first window of each series.
            start = row.values.get("start", max(1, min(config.window, len(values) - horizon)))
            if start + horizon > len(values):
                raise DataError(
                    f"{row.where}: {len(values)} steps are too few for a forecast: at least {start + horizon} are "
                    f"needed, of which {horizon} are the horizon."
                )
            for at in range(start, len(values) - horizon + 1, config.forecast_stride or horizon):
                if not np.isnan(values[at : at + horizon]).all():
                    yield forecast(row, at, config, preprocessing, labelled=True)

    @classmethod
    def column_kinds(cls, config: ForecastConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        targets, changing = len(by_target(preprocessing)), label_columns(preprocessing)
        size = past_width(config, preprocessing) + len(preprocessing.numbers("mean")) + targets * config.counts
        frames = ColumnKind("f4", (size,), shortest=2)
        if config.categories:
            below = len(preprocessing.vocabulary("static"))
            static = {"static": ColumnKind("i8", length=len(config.categories), below=below)}
        else:
            static = {}
        if changing:
            below = len(preprocessing.vocabulary("labels"))
            static["labels"] = ColumnKind("i8", (len(changing),), length="frames", below=below)
        seen = ColumnKind("u1", (targets,) if targets > 1 else (), length="frames")
        counted = {} if config.missing == "refuse" else {"counted": seen}
        if part == "train":
            return {"frames": frames, **counted, **static}
        return {
            "frames": frames._replace(shortest=1 + config.horizon),
            **counted,
            **static,
            "scale": ColumnKind("f8", length=targets * (3 + config.counts)),
            "name": ColumnKind("u1"),
            "at": ColumnKind("i8", length=1),
            "reference": ColumnKind(
                "f8",
                (reference_columns(preprocessing)[-1][1],),
                length=config.horizon,
                finite=not counted,
            ),
        }

    @classmethod
    def make_model(cls, config: ForecastConfig, vocabulary: Preprocessing, backend: str | None) -> Forecaster:
        """Make a new forecaster."""
        distribution, targets = DISTRIBUTIONS[config.distribution](), len(by_target(vocabulary))
        changing, width = label_columns(vocabulary), past_width(config, vocabulary)
        ahead, elapsed = sum(name in config.known for name in changing), None
        if config.elapsed != "none" and MASK in get_cell(config.cell).masks:
            mean, deviation = (vocabulary.numbers(name)[-1] for name in ("mean", "deviation"))
            past = width + (len(changing) - ahead) * config.static_size
            column = past + len(vocabulary.numbers("mean")) - 1
            elapsed = ElapsedTimes(column, mean, deviation, config.elapsed)
        return Forecaster(
            config,
            len(vocabulary.numbers("mean")),
            distribution,
            targets=targets,
            past=width,
            flagged=config.missing == "mask",
            categories=len(vocabulary.vocabulary("static")) if config.categories else 0,
            labels=len(vocabulary.vocabulary("labels")) if changing else 0,
            known_labels=ahead,
            past_labels=len(changing) - ahead,
            elapsed=elapsed,
            backend=backend,
        )

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """Count all values of each window but the first, and those that are missing."""
        if "counted" in part.columns:
            return np.array([row[1:].sum() for row in part.rows(range(len(part)))["counted"]], np.int64)
        return (part.columns["frames"].lengths - 1) * len(by_target(self.preprocessing))

    def summed_loss(self, model: Forecaster, columns: Columns, sampling_probability: float) -> Tensor:
        """Compute the sum of the losses of each window's values but the first.

        Scheduled sampling takes two passes (Mihaylova & Martins 2019): predictions with teacher forcing, then draws
        from them (with greedy feeding, their medians) replace some of the true values.
        """
        frames, lengths, count = model.frames(columns), columns["frames"].lengths - 1, model.targets
        if self.config.past and model.training:
            frames = forget_past(frames, lengths, count * (1 + model.flagged), model.past)
        x, y = inputs(frames, model.past), frames[:, 1:, :count]
        if sampling_probability:
            with torch.no_grad():
                given, _ = model(x, lengths)
                greedy = self.settings is not None and self.settings.feeding == "greedy"
                share = torch.full_like(y, 0.5) if greedy else torch.rand_like(y).clamp(1e-6, 1 - 1e-6)
                own = model.distribution.quantile(given, share)[:, :-1]
                takes = torch.rand_like(own) < sampling_probability
                first = torch.cat([x[:, :1, :count], torch.where(takes, own, x[:, 1:, :count])], 1)
                x = torch.cat([first, x[..., count:]], -1)
        if self.config.noise and model.training:
            noise = self.config.noise * torch.randn_like(x[..., :count])
            x = torch.cat([x[..., :count] + noise, x[..., count:]], -1)
        loss = model.distribution.loss(model(x, lengths)[0], y)
        return loss.masked_fill(~predicted(columns, lengths), 0).sum()

    def measure(self, model: Forecaster, part: Part, *, tables: bool = True) -> Report:
        """Compute MAE and other metrics of free-running forecasts, beside naive ones.

        Raises:
            DataError: the part is the training part.
        """
        return self.report(*self.forecasts(model, part), tables=tables)

    def forecasts(self, model: Forecaster, part: Part) -> tuple[float, dict[str, Forecasts]]:
        """Forecast a part, and return the mean loss of a step and the forecasts of each target.

        Raises:
            DataError: the part is the training part.
        """
        if "reference" not in part.columns:
            raise DataError(
                "The training part has windows and no forecasts: evaluate on the validation or the test part "
                "(--split validation), or on other files."
            )
        return forecast_part(model, part, self.config, self.preprocessing, self.LENGTH)

    def report(self, loss: float, found: Mapping[str, Forecasts], *, tables: bool) -> Report:
        """Compute the metrics of forecasts, and tables."""
        count = sum(int((~np.isnan(own.truth)).sum()) for own in found.values())
        return Report(loss, count, list(overall_metrics(found)), all_tables(found) if tables else {})

    def predict(self, model: Forecaster, columns: Columns) -> list[dict[str, Any]]:
        """Predict the mean and some quantiles of each step ahead; and "paths" (P, H) if ``keeps_paths`` is set.

        Those of several targets are in "targets", by name.
        """
        found = []
        names = [
            stored_text(name[:length])
            for name, length in zip(columns["name"].values.cpu().numpy(), columns["name"].lengths.tolist(), strict=True)
        ]
        paths = sample_paths(model, columns, self.config, self.preprocessing)
        targets = list(by_target(self.preprocessing))
        for name, means, bands, own in zip(names, *mean_and_quantiles(paths, BANDS), paths, strict=True):
            said = {
                target: {
                    "mean": means[k].tolist(),
                    "quantiles": {str(level): bands[k, :, n].tolist() for n, level in enumerate(BANDS)},
                    **({"paths": own[k].T.tolist()} if self.keeps_paths else {}),
                }
                for k, target in enumerate(targets)
            }
            found.append({NAMES: name, **({TARGETS: said} if len(targets) > 1 else said[""])})
        return found

    @staticmethod
    def write_predictions(found: Iterable[tuple[Row, dict[str, Any]]], path: Path) -> Sequence[str]:
        """Write predictions to a file, see `tidegate.tasks.forecast.prediction_table`; return notes for the user."""
        return write_predictions(found, path)

    def shown(self, prediction: dict[str, Any]) -> str:
        """Format a table with a line for each step ahead."""
        return self.text(prediction)

    def text(self, prediction: dict[str, Any]) -> str:
        """Format a table with a line for each step ahead."""
        lines = [label(prediction[NAMES])] if TARGETS in prediction else []
        for target, said in predicted_targets(prediction).items():
            quantiles = said["quantiles"]
            name = label(target or prediction[NAMES])
            lines.append(f"{name:14.14}" + "".join(f"{it:>12}" for it in ("mean", *quantiles)))
            for h, values in enumerate(zip(said["mean"], *quantiles.values(), strict=True), 1):
                lines.append(f"{'+' + str(h):>14}" + "".join(f"{value:12.5g}" for value in values))
        return "\n".join(lines)

    def unfamiliar(self, rows: Iterable[Row]) -> Sequence[str]:
        """Name the categories that the training part does not have."""
        if not self.config.categories and not label_columns(self.preprocessing):
            return ()
        return unknown_categories(rows, self.config, self.preprocessing)

    @classmethod
    def complete_config(cls, config: ForecastConfig, data: Examples) -> ForecastConfig:
        """Return the config with the covariates that were found to be categories: other files are read likewise."""
        changing = label_columns(data.preprocessing)
        return replace(config, categorical=",".join(changing)) if changing else config

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the loss of the last value, or of counts that of their mean; see `baseline_loss`."""
        part = self._training()[0].parts["validation"]
        return (baseline_loss(part, self.config, self.preprocessing), []) if len(part) else ({}, [])
