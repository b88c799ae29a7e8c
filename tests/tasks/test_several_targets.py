"""Several targets in one forecaster: each as if it were alone, but from one state that has read them all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError, DataError
from tidegate.lens.tasks.example import Example
from tidegate.lens.tasks.forecaster import look_at_series
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast import predict_frame, train_frame
from tidegate.tasks.forecast.backtest import backtest_run
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import shares
from tidegate.tasks.forecast.model import Forecaster, inputs
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.series.series_options import SeriesOptions
from tidegate.tasks.forecast.target_scores import overall_metrics
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import Run, TrainConfig

SMALL: dict[str, Any] = {"hidden_size": 5, "window": 12, "horizon": 4, "paths": 6, "season": 7}
N = np.arange(80)
FRAME = pd.DataFrame(
    {
        "a": np.round(20 + 6 * np.sin(N / 3) + N % 7),
        "b": np.round(900 + 300 * np.cos(N / 4)),
        "k": N % 5,
    }
)


def written(path: Path, frame: pd.DataFrame = FRAME) -> Path:
    frame.to_csv(path, index=False)
    return path


def prepared(folder: Path, path: Path, target: str, **options: Any) -> tuple[ForecastTask, Any, Forecaster]:
    config = ForecastConfig(**{**SMALL, "covariates": "k", **options}, target=target)
    data = prepare_examples(ForecastTask, Sources((path,)), config, folder)
    task = ForecastTask(config, data.preprocessing, data, TrainConfig(backend="reference"))
    torch.manual_seed(0)
    model = task.new_model()
    assert isinstance(model, Forecaster)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return task, data, model.eval()


def columns_of(part: Any) -> dict[str, Any]:
    return {name: pad(rows) for name, rows in part.rows(range(len(part))).items()}


def test_targets_are_read_as_one_series(tmp_path: Path):
    (row,) = read_series(written(tmp_path / "a.csv"), SeriesOptions(target="b, a"))
    np.testing.assert_array_equal(row.values["values"], FRAME[["b", "a"]])
    assert (row.values["series"], row.values["targets"]) == ("b, a", ("b", "a"))
    np.savez(tmp_path / "a.npz", frames=FRAME.to_numpy(float)[None])
    (row,) = read_series(tmp_path / "a.npz", SeriesOptions(target="1,0"))
    np.testing.assert_array_equal(row.values["values"], FRAME[["b", "a"]])
    (row,) = read_series(written(tmp_path / "c.csv", FRAME.rename(columns={"k": "a,b"})), SeriesOptions(target="a,b"))
    np.testing.assert_array_equal(row.values["values"], FRAME["k"])  # a column of that name is one target


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        ("a,b\n1,2\n", {"target": "a,c"}, DataError, "there is no column 'c'"),
        ("a,b\n1,2\n", {"target": "a,a"}, ArgumentError, r"\('a', 'a'\) one is named twice"),
        ("a,b\n1,2\n3,\n", {"target": "a,b"}, DataError, "row 2: column 'b' is empty"),
        (
            "a,b,k\n1,2,3\n3,,3\n,,3\n",
            {"target": "a,b", "covariates": "k"},
            DataError,
            "row 2: the series 'a, b', target 'b', has no value here but another target has",
        ),
        ("a,b\n1,\n3,\n", {"target": "a,b", "missing": "mask"}, DataError, "target 'b', has no value at all"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, options: dict, error: type[Exception], message: str):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(error, match=message):
        list(read_series(tmp_path / "a.csv", SeriesOptions(**options)))


@pytest.mark.parametrize(
    ("distribution", "missing"), [("gaussian", "mask"), ("negative_binomial", "refuse"), ("student_t", "interpolate")]
)
def test_each_target_is_encoded_and_measured_as_if_it_were_alone(tmp_path: Path, distribution: Any, missing: Any):
    frame = FRAME.astype(float)
    if missing != "refuse":
        frame.loc[[9, 10, 31, 66], "a"] = np.nan
        frame.loc[[10, 40], "b"] = np.nan
    path = written(tmp_path / "a.csv", frame)
    options: dict[str, Any] = {"distribution": distribution, "missing": missing}
    task, data, model = prepared(tmp_path / "run", path, "a,b", **options)
    part, columns = data.parts["validation"], columns_of(data.parts["validation"])
    rows, fitted = part.rows(range(len(part))), data.preprocessing.values["targets"]
    flags, width = missing == "mask", rows["frames"][0].shape[1]
    assert width == 2 * (1 + flags + (distribution == "negative_binomial")) + 1
    start, losses, counted = 0, [], []
    with torch.inference_mode():
        found = task.forecasts(model, part)
    for k, name in enumerate("ab"):
        alone, own_data, _ = prepared(tmp_path / name, path, name, **options)
        (series,) = own_data.preprocessing.values["series"].values()
        assert fitted[name]["series"] == {"a, b": series}
        kept = ("overall", "naive", "baseline", "reach", "change")
        assert {it: fitted[name][it] for it in kept} == {it: own_data.preprocessing.values[it] for it in kept}
        own = own_data.parts["validation"].rows(range(len(part)))
        end = start + own["reference"][0].shape[1]
        for n in range(len(part)):
            np.testing.assert_array_equal(rows["frames"][n][:, k], own["frames"][n][:, 0])
            np.testing.assert_array_equal(rows["scale"][n].reshape(2, -1)[k], own["scale"][n])
            np.testing.assert_array_equal(rows["reference"][n][:, start:end], own["reference"][n])
            if flags:
                np.testing.assert_array_equal(rows["frames"][n][:, 2 + k], own["frames"][n][:, 1])
        start = end
        np.testing.assert_array_equal(found[1][name].truth, np.array(own["reference"])[..., 0])
        lengths = columns["frames"].lengths - 1
        given = model(inputs(columns["frames"].values, model.past), lengths)[0][:, :, k]
        loss = model.distribution.loss(given, columns["frames"].values[:, 1:, k])
        seen = torch.ones_like(loss, dtype=torch.bool)
        if missing != "refuse":
            seen = torch.from_numpy(np.array([it[1:] for it in own["counted"]]).astype(bool))
        losses.append(loss[seen].sum())
        counted.append(int(seen.sum()))
        assert alone.baselines()[0].keys() == task.baselines()[0].keys()
    torch.testing.assert_close(task.summed_loss(model, columns, 0.0), sum(losses))
    assert task.predictions(part).sum() == sum(counted)
    last = torch.nn.functional.linear(torch.zeros(1, 5), model.output.weight, model.output.bias)
    assert last.shape[1] == 2 * model.distribution.size


def test_targets_are_drawn_independently_and_both_fed_back(tmp_path: Path):
    """Against a loop over whole runs."""
    _, data, model = prepared(tmp_path / "run", written(tmp_path / "a.csv"), "a,b", missing="mask")
    frames = torch.tensor(data.parts["validation"].rows([0])["frames"][0])[None]
    known, draws = frames.shape[1] - 4, torch.stack([shares(4, 3, k) for k in range(2)], -1)
    assert not torch.equal(draws[..., 0], draws[..., 1])
    with torch.inference_mode():
        found = model.paths(frames, torch.tensor([known]), draws, [100.0, 100.0])
        assert found.shape == (1, 2, 4, 3)
        for p in range(3):
            own = frames.clone()
            for h in range(4):
                given = model(inputs(own[:, : known + h + 1], model.past), torch.tensor([known + h]))[0][0, -1]
                for k in range(2):
                    normal = torch.distributions.Normal(given[k, 0], given[k, 1].exp())
                    own[0, known + h, k] = normal.icdf(draws[h, p, k])
                own[0, known + h, 2:4] = 1
            torch.testing.assert_close(found[0, :, :, p], own[0, known:, :2].T, atol=1e-5, rtol=1e-4)


def test_metrics_over_all_are_means_in_units_that_can_be_compared(tmp_path: Path):
    task, data, model = prepared(tmp_path / "run", written(tmp_path / "a.csv"), "a,b")
    with torch.inference_mode():
        _, found = task.forecasts(model, data.parts["test"])
        report = task.measure(model, data.parts["test"])
    values = {it.name: it for it in overall_metrics(found)}
    errors = [np.abs(it.median - it.truth).mean() / FRAME[name][:64].std(ddof=0) for name, it in found.items()]
    assert values["MAE / deviation"].value == pytest.approx(np.mean(errors))
    crps = [it.crps.mean() / FRAME[name][:64].std(ddof=0) for name, it in found.items()]
    assert values["CRPS / deviation"].value == pytest.approx(np.mean(crps))
    for name in ("MASE", "sMAPE", "wQL", "coverage of the 80% interval"):
        each = [{it.name: it for it in own.metrics()}[name] for own in found.values()]
        assert values[name].value == pytest.approx(np.mean([it.value for it in each]))
        assert values[name].of_baseline == pytest.approx(np.mean([it.of_baseline for it in each]))
    assert report.metrics[0].name == "MAE / deviation"  # chooses the best checkpoint
    assert report.predictions == 2 * 8
    rows = [line.split() for line in report.tables["targets"].splitlines()]
    assert rows[0] == ["target", "MAE", "naive", "sMAPE", "MASE", "CRPS", "wQL", "coverage"]
    assert [row[0] for row in rows[1:]] == ["a", "b"]
    assert {"a: verdict", "b: steps"} <= report.tables.keys()


def test_a_target_without_true_values_is_left_out_over_all(tmp_path: Path):
    frame = FRAME.assign(b=FRAME["b"].where(N < 64))
    task, data, model = prepared(tmp_path / "run", written(tmp_path / "a.csv", frame), "a,b", missing="mask")
    with torch.inference_mode():
        report = task.measure(model, data.parts["validation"])
        own = {it.name: it.value for it in task.forecasts(model, data.parts["validation"])[1]["a"].metrics()}
    assert {it.name: it.value for it in report.metrics}["MASE"] == own["MASE"]
    assert report.tables["b: verdict"].endswith("no true value is known.")
    late = FRAME.assign(b=FRAME["b"].where(N >= 64))
    with pytest.raises(DataError, match="target 'b' has no value in the training part"):
        prepared(tmp_path / "run2", written(tmp_path / "a.csv", late), "a,b", missing="mask")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    training = {"steps": 2, "warmup_steps": 1, "device": "cpu", "backend": "reference"}
    options: dict[str, Any] = SMALL | {"target": ["a", "b"], "cell": "rnn_tanh"}
    frame = FRAME[["a", "b"]].assign(time=pd.date_range("2024-01-01", periods=len(FRAME)))
    return train_frame(frame, tmp_path_factory.mktemp("targets") / "run", training=training, **options)


def test_predictions_are_told_apart(run: Run, tmp_path: Path):
    frame = FRAME[["a", "b"]].assign(time=pd.date_range("2024-01-01", periods=len(FRAME)))
    found = predict_frame(run, frame)
    assert list(found.columns[:5]) == ["series", "target", "time", "step", "mean"]
    assert found.groupby("target")["step"].apply(list).to_dict() == {"a": [1, 2, 3, 4], "b": [1, 2, 3, 4]}
    wide = found.pivot(index=["series", "time"], columns="target", values="mean")
    assert wide.index.get_level_values("time").tolist() == list(pd.date_range("2024-03-21", periods=4))
    assert wide["b"].mean() > 10 * wide["a"].mean()
    task = ForecastTask(run.config.model, run.vocabulary)
    rows = list(task.read(written(tmp_path / "a.csv", frame), task.config))
    ((_, said),) = task.predict_rows(run.model, rows)
    np.testing.assert_allclose(json.loads(json.dumps(said))["targets"]["b"]["mean"], wide["b"], rtol=1e-6)
    heads = [line.split()[0] for line in task.text(said).splitlines() if not line.strip().startswith("+")]
    assert heads == ["a,", "a", "b"]
    alone = next(iter(read_series(tmp_path / "a.csv", SeriesOptions(target="a"))))
    with pytest.raises(DataError, match=r"other targets \(one\) than in training \('a', 'b'\)"):
        list(task.encode(alone, task.config, task.preprocessing, labelled=False))


def test_a_backtest_has_the_origins_of_each(run: Run, tmp_path: Path):
    text = backtest_run(run, [], 2).text
    for name in "ab":
        assert [line.split()[0] for line in text.split(f"\n{name}: origins\n\n")[1].splitlines()[1:3]] == ["1", "2"]


def test_each_target_is_looked_at(run: Run):
    task, part = ForecastTask(run.config.model, run.vocabulary), run.open_data().parts["validation"]
    encoded = {name: rows[0] for name, rows in part.rows([0]).items()}
    columns = {name: pad([it]) for name, it in encoded.items()}
    with torch.inference_mode():
        look = look_at_series(task, run.model, Example(encoded, columns, None, None))
    assert (look.history.shape, look.expected.shape, look.ahead.shape) == ((12, 2), (12, 5, 2), (4, 5, 2))
    for name in "ab":
        own = look.of(name)
        start = 64 - 12
        np.testing.assert_allclose(own.history, FRAME[name][start:64], rtol=1e-5)
        assert own.truth["values"] == FRAME[name][64:68].tolist()
        np.testing.assert_allclose(own.ahead[:, 2], look.prediction["targets"][name]["quantiles"]["0.5"])
    assert len(look._charts()) == 2
    with pytest.raises(ArgumentError, match="There is no target 'c'; there are: a, b"):
        look.of("c")
    with pytest.raises(ArgumentError, match="'a,b', but should be names of columns without commas"):
        train_frame(FRAME, "nowhere", target=["a,b"])
    with pytest.raises(DataError, match="The frame cannot be read as a table: Duplicate column names"):
        train_frame(pd.concat([FRAME, FRAME[["a"]]], axis=1), "nowhere", target="a")
