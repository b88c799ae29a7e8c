"""A forecaster beside GluonTS' DeepAR and NeuralForecast's LSTM: errors, and seconds of training and of sampling.

Equal for all: series, hidden units, layers, steps of training, examples in a batch, steps of a window, Student's t, 100
paths. The peers are installed beside Tidegate in an environment of their own (the versions are those that were tried)::

    python -m venv build/forecasting
    build/forecasting/bin/pip install torch==2.13.0 -e ".[cli,tasks]"
    build/forecasting/bin/pip install gluonts==0.17.0 lightning==2.6.6 neuralforecast==3.3.0
    build/forecasting/bin/python -m benchmarks.forecasting

Times are of the processor, over all threads: another process on the machine disturbs them less than those of a clock.
"""

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.tasks.forecast.error_measures import mase, weighted_quantile_loss
from tidegate.tasks.forecast.scores import DECILES

HIDDEN, LAYERS, BATCH, PATHS = 40, 2, 32, 100
STEPS, CONTEXT, HORIZON = 240, 36, 12  # of a series, of the context of a forecast, of a forecast
INSTALL = "pip install gluonts==0.17.0 lightning==2.6.6 neuralforecast==3.3.0"


class Result(NamedTuple):
    """What a contender took, in seconds, and its quantiles (N, H, 9) at the deciles."""

    training: float
    sampling: float
    quantiles: NDArray[np.float64]


def make_series(count: int, seed: int) -> NDArray[np.float64]:
    """Return series (N, T): seasons, trends with a season, and counts, a third of each."""
    draw, t = np.random.default_rng(seed), np.arange(STEPS)
    found = []
    for n in range(count):
        season = np.sin(2 * np.pi * (t / 12 + draw.random())) * draw.uniform(1, 5)
        if n % 3 == 0:
            found.append(20 + season + draw.normal(size=STEPS))
        elif n % 3 == 1:
            found.append(10 + draw.uniform(-0.02, 0.1) * t + season + 0.5 * draw.normal(size=STEPS))
        else:
            found.append(draw.poisson(np.exp(1.5 + 0.2 * season)).astype(float))
    return np.array(found)


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the processor that a function takes, and what it returns."""
    start = time.process_time()
    result = act()
    return time.process_time() - start, result


def again(act: Callable[[], Any]) -> tuple[float, Any]:
    """Return what a second call takes, after which nothing is imported or compiled any more, and what it returns."""
    act()
    return timed(act)


def ours(past: NDArray[np.float64], steps: int, seed: int) -> Result:
    """Tidegate."""
    from tidegate.data.columns import Part
    from tidegate.data.ragged_array import Rows
    from tidegate.data.rows import Row
    from tidegate.tasks.base_task import ExamplesConfig
    from tidegate.tasks.example_batches import map_batches
    from tidegate.tasks.forecast.config import ForecastConfig
    from tidegate.tasks.forecast.free_running import sample_paths
    from tidegate.tasks.forecast.series.gaps import series_values
    from tidegate.tasks.forecast.task import ForecastTask
    from tidegate.train import TrainConfig, load_run, new_run, train

    config = ForecastConfig(
        cell="lstm",
        hidden_size=HIDDEN,
        num_layers=LAYERS,
        distribution="student_t",
        window=CONTEXT + HORIZON,
        horizon=HORIZON,
        paths=PATHS,
        window_stride=1,
    )
    settings = TrainConfig(
        batch_size=BATCH,
        steps=steps,
        learning_rate=1e-2,
        validate_every=steps,
        seed=seed,
        device="cpu",
        warmup_steps=20,
    )
    with tempfile.TemporaryDirectory() as workspace:
        source, folder = Path(workspace, "series.csv"), Path(workspace, "run")
        names = ",".join(f"s{n}" for n in range(len(past)))
        np.savetxt(source, past.T, delimiter=",", header=names, comments="")
        options = ExamplesConfig(splits="none")
        data = new_run(folder, lambda to: ForecastTask.prepare([str(source)], config, options, to), task="forecast")
        training, _ = timed(lambda: train(folder, data, config, settings, task="forecast"))
        run = load_run(folder)
    task = ForecastTask(config, run.vocabulary)
    rows = [Row(f"s{n}", series_values(f"s{n}", values)) for n, values in enumerate(past)]
    examples = [it for row in rows for it in task.encode(row, config, run.vocabulary, labelled=False)]
    part = Part({name: Rows([it[name] for it in examples]) for name in examples[0]})

    def sample() -> Any:
        with torch.inference_mode():
            return map_batches(
                part,
                "frames",
                run.model,
                lambda columns: list(sample_paths(run.model, columns, config, run.vocabulary)[:, 0]),
            )

    sampling, paths = again(sample)
    return Result(training, sampling, np.moveaxis(np.quantile(torch.stack(paths).numpy(), DECILES, axis=-1), 0, -1))


def gluonts(past: NDArray[np.float64], steps: int, seed: int) -> Result:
    """GluonTS' DeepAR."""
    import lightning.pytorch  # pyright: ignore[reportMissingImports]
    import pandas as pd
    from gluonts.dataset.common import ListDataset  # pyright: ignore[reportMissingImports]
    from gluonts.torch.model.deepar import DeepAREstimator  # pyright: ignore[reportMissingImports]

    lightning.pytorch.seed_everything(seed)
    data = ListDataset([{"start": pd.Period("2000-01", "M"), "target": values} for values in past], freq="M")
    estimator = DeepAREstimator(
        freq="M",
        prediction_length=HORIZON,
        context_length=CONTEXT,
        num_layers=LAYERS,
        hidden_size=HIDDEN,
        dropout_rate=0.0,
        lr=1e-2,
        batch_size=BATCH,
        num_batches_per_epoch=steps,
        num_parallel_samples=PATHS,
        trainer_kwargs={
            "max_epochs": 1,
            "enable_progress_bar": False,
            "logger": False,
            "accelerator": "cpu",
        },
    )
    with tempfile.TemporaryDirectory() as folder:  # for checkpoints, which GluonTS always writes
        estimator.trainer_kwargs["default_root_dir"] = folder
        training, predictor = timed(lambda: estimator.train(data))
    sampling, found = again(lambda: list(predictor.predict(data, num_samples=PATHS)))
    quantiles = np.quantile(np.array([it.samples for it in found]), DECILES, axis=1)
    return Result(training, sampling, np.moveaxis(quantiles, 0, -1))


def neuralforecast(past: NDArray[np.float64], steps: int, seed: int) -> Result:
    """NeuralForecast's LSTM, which predicts all steps at once: their samples are independent, no paths."""
    import pandas as pd
    from neuralforecast import NeuralForecast  # pyright: ignore[reportMissingImports]
    from neuralforecast.losses.pytorch import DistributionLoss  # pyright: ignore[reportMissingImports]
    from neuralforecast.models import LSTM  # pyright: ignore[reportMissingImports]

    months = pd.date_range("2000-01-01", periods=past.shape[1], freq="MS")
    frame = pd.concat(
        [pd.DataFrame({"unique_id": f"s{n:04}", "ds": months, "y": values}) for n, values in enumerate(past)]
    )
    model = LSTM(
        h=HORIZON,
        input_size=CONTEXT,
        encoder_n_layers=LAYERS,
        encoder_hidden_size=HIDDEN,
        encoder_dropout=0.0,
        decoder_layers=1,
        loss=DistributionLoss("StudentT", quantiles=list(DECILES), num_samples=PATHS),
        learning_rate=1e-2,
        max_steps=steps,
        batch_size=BATCH,
        windows_batch_size=BATCH,
        scaler_type="standard",
        random_seed=seed,
        enable_progress_bar=False,
        logger=False,
        enable_checkpointing=False,
        accelerator="cpu",
    )
    forecaster = NeuralForecast(models=[model], freq="MS")
    training, _ = timed(lambda: forecaster.fit(frame))
    sampling, found = again(forecaster.predict)
    columns = [name for name in found.columns if name.startswith(("LSTM_ql", "LSTM-"))]
    values = found.sort_values(["unique_id", "ds"])[columns[-len(DECILES) :]].to_numpy()
    return Result(training, sampling, np.sort(values.reshape(len(past), HORIZON, len(DECILES)), -1))


CONTENDERS = {"tidegate": ours, "gluonts": gluonts, "neuralforecast": neuralforecast}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=60, help="number of series (60)")
    parser.add_argument("--steps", type=int, default=1000, help="steps of training (1000)")
    parser.add_argument("--seeds", type=int, default=5, help="runs of each (5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch (2)")
    given = parser.parse_args()
    missing = [name for name in ("gluonts", "lightning", "neuralforecast") if find_spec(name) is None]
    if missing:
        parser.error(f"{', '.join(missing)} cannot be imported. Install the peers: {INSTALL}")
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "pytorch_lightning", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(given.threads)
    found: dict[str, list[tuple[float, ...]]] = {name: [] for name in CONTENDERS}
    for seed in range(given.seeds):
        series = make_series(given.series, seed)
        past, truth = series[:, :-HORIZON], series[:, -HORIZON:]
        scale = np.abs(past[:, 12:] - past[:, :-12]).mean(1)
        for name, contender in CONTENDERS.items():
            result = contender(past, given.steps, seed)
            middle = result.quantiles[..., DECILES.index(0.5)]
            accuracy = weighted_quantile_loss(result.quantiles, DECILES, truth), mase(middle, truth, scale)
            found[name].append((result.training, result.sampling, *accuracy))
    print("| | training, s | over ours | sampling, s | over ours | wQL | MASE |\n|---|---|---|---|---|---|---|")
    own = np.array(found["tidegate"])
    for name, rows in found.items():
        each = np.array(rows)
        training, sampling = (f"{statistics.median(each[:, k] / own[:, k]):.1f}" for k in (0, 1))
        seconds = [f"{statistics.median(each[:, k]):.2f}" for k in (0, 1)]
        errors = [f"{each[:, k].mean():.4f} ± {each[:, k].std():.4f}" for k in (2, 3)]
        print(f"| {name} | {seconds[0]} | {training} | {seconds[1]} | {sampling} | {errors[0]} | {errors[1]} |")


if __name__ == "__main__":
    main()
