"""Forecasts: hand-made examples, no leak from the future, batch mates, the verdict, and a run from file to forecast."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.columns import Examples, Part
from tidegate.data.ragged_array import Rows
from tidegate.data.rows import Row
from tidegate.data.sources import Sources
from tidegate.errors import DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.distributions import Gaussian, Quantiles, shares
from tidegate.tasks.forecast.model import inputs
from tidegate.tasks.forecast.score_tables import tables
from tidegate.tasks.forecast.scores import LEVELS, Forecasts
from tidegate.tasks.forecast.series.gaps import series_values
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.metrics_report import Report
from tidegate.train import TrainConfig, load_run, new_run, train

SMALL: dict[str, Any] = {"hidden_size": 4, "window": 20, "horizon": 5, "paths": 8}


def table(path: Path, **columns: Any) -> Path:
    names, values = ",".join(columns), zip(*columns.values(), strict=True)
    path.write_text(names + "\n" + "".join(",".join(map(repr, map(float, row))) + "\n" for row in values))
    return path


def prepared(folder: Path, source: Path, config: ForecastConfig) -> tuple[ForecastTask, Examples]:
    data = prepare_examples(ForecastTask, Sources((source,)), config, folder)
    return ForecastTask(config, data.preprocessing, data, TrainConfig()), data


def columns_of(part: Part, chosen: list[int]) -> dict[str, Any]:
    return {name: pad(rows) for name, rows in part.rows(chosen).items()}


def test_gaussian_against_torch():
    given, value = torch.randn(50, 2).double(), torch.randn(50).double()
    normal = torch.distributions.Normal(given[:, 0], given[:, 1].exp())
    torch.testing.assert_close(Gaussian().loss(given, value), -normal.log_prob(value))
    share = torch.rand(50).double()
    torch.testing.assert_close(Gaussian().quantile(given, share), normal.icdf(share))


def test_quantiles_against_scikit_learn_and_themselves():
    from sklearn.metrics import mean_pinball_loss

    it, given, value = Quantiles(), torch.randn(50, Quantiles.size).double(), torch.randn(50).double()
    known = it.quantiles(given)
    assert (known.diff(dim=-1) > 0).all()
    torch.testing.assert_close(known[:, it.size // 2], given[:, 0])
    expected = sum(mean_pinball_loss(value, known[:, k], alpha=level) for k, level in enumerate(it.LEVELS))
    assert it.loss(given, value).mean().item() == pytest.approx(expected)
    for k, level in enumerate(it.LEVELS):
        torch.testing.assert_close(
            it.quantile(given, torch.full((50,), level)).double(), known[:, k], atol=1e-5, rtol=0
        )
    between = it.quantile(given, torch.full((50,), 0.15, dtype=torch.float64))
    torch.testing.assert_close(between, (known[:, 2] + known[:, 3]) / 2)
    assert torch.equal(it.quantile(given, torch.full((50,), 0.001)), it.quantile(given, torch.full((50,), 0.01)))


def test_quantiles_learn_a_skewed_distribution():
    torch.manual_seed(0)
    value = torch.distributions.Exponential(1.0).sample((4000,))
    given = torch.zeros(Quantiles.size, requires_grad=True)
    optimizer = torch.optim.Adam([given], 0.05)
    for _ in range(400):
        optimizer.zero_grad()
        Quantiles().loss(given.expand(4000, -1), value).mean().backward()
        optimizer.step()
    expected = value.quantile(torch.tensor(Quantiles.LEVELS))
    torch.testing.assert_close(Quantiles().quantiles(given).detach(), expected, atol=0.08, rtol=0.03)


def test_draws_are_stratified_and_always_the_same():
    draws = shares(7, 50)
    assert torch.equal(draws, shares(7, 50))
    assert torch.equal((draws * 50).floor().sort(1).values, torch.arange(50.0).expand(7, 50))
    assert not torch.equal(draws[0].argsort(), draws[1].argsort())


def test_the_split_is_contiguous_and_warm_up_comes_from_the_past(tmp_path: Path):
    config = ForecastConfig(**SMALL, forecast_stride=2)
    y = np.arange(100.0)
    task, data = prepared(tmp_path / "run", table(tmp_path / "y.csv", y=y), config)
    mean, deviation = y[:80].mean(), y[:80].std()
    windows = data.parts["train"].rows(range(len(data.parts["train"])))["frames"]
    back = [np.rint(frames[:, 0] * deviation + mean).astype(int).tolist() for frames in windows]
    assert [it[0] for it in back] == [*range(0, 60, 5), 59]
    assert all(it == list(range(it[0], it[0] + 21)) for it in back)
    for part, first in (("validation", 80), ("test", 90)):
        rows = data.parts[part].rows(range(len(data.parts[part])))
        assert [int(at[0]) for at in rows["at"]] == [first, first + 2, first + 4]
        for at, frames, reference in zip(rows["at"], rows["frames"], rows["reference"], strict=True):
            known = np.rint(frames[:, 0] * deviation + mean).astype(int)
            assert known.tolist() == list(range(at[0] - 20, at[0] + 5))
            assert reference[:, 0].tolist() == y[at[0] : at[0] + 5].tolist()
            naive = dict(zip(data.preprocessing.values["naive"], reference.T[1:].tolist(), strict=True))
            assert naive["last value"] == [y[at[0] - 1]] * 5
            assert naive["drift"] == pytest.approx(y[at[0] : at[0] + 5])
    assert data.split_kind == "contiguous in every series, 80/10/10"
    assert task.predictions(data.parts["train"]).tolist() == [20] * len(back)


def test_nothing_is_learned_from_later_parts(tmp_path: Path):
    config = ForecastConfig(**SMALL, covariates="c")
    draw = np.random.default_rng(0)
    y, c = draw.normal(size=100), draw.normal(size=100)
    other_y, other_c = (np.concatenate([it[:80], 1000 + it[80:]]) for it in (y, c))
    preprocessing = [
        prepared(tmp_path / f"run{k}", table(tmp_path / f"{k}.csv", y=a, c=b), config)[1].preprocessing.values
        for k, (a, b) in enumerate([(y, c), (other_y, other_c)])
    ]
    assert preprocessing[0] == preprocessing[1]


def model_and_part(tmp_path: Path, **more: Any) -> tuple[ForecastTask, Any, Part]:
    """Three series of different lengths with a covariate, so that contexts differ."""
    draw = np.random.default_rng(0)
    options: dict[str, Any] = SMALL | {"covariates": "c", "series_column": "id"} | more
    config = ForecastConfig(**options)
    lines = ["id,y,c"]
    for name, steps in (("A", 60), ("B", 24), ("C", 31)):
        lines += [f"{name},{y!r},{c!r}" for y, c in draw.normal(size=(steps, 2)).tolist()]
    (tmp_path / "long.csv").write_text("\n".join(lines) + "\n")
    task, data = prepared(tmp_path / "run", tmp_path / "long.csv", config)
    torch.manual_seed(0)
    return task, task.new_model().eval(), data.parts["validation"]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("distribution", ["gaussian", "quantiles"])
def test_batch_mates_and_padding_change_nothing(tmp_path: Path, cell: str, distribution: str):
    task, model, part = model_and_part(tmp_path, cell=cell, distribution=distribution, num_layers=2)
    assert len(set(part.columns["frames"].lengths.tolist())) > 1
    with torch.inference_mode():
        together = task.predict(model, columns_of(part, list(range(len(part)))))
        for n in range(len(part)):
            (alone,) = task.predict(model, columns_of(part, [n]))
            assert alone["series"] == together[n]["series"]
            np.testing.assert_allclose(alone["mean"], together[n]["mean"], rtol=1e-4, atol=1e-5)
            for level, values in alone["quantiles"].items():
                np.testing.assert_allclose(values, together[n]["quantiles"][level], rtol=1e-4, atol=1e-5)
        every = list(range(len(part)))
        columns = columns_of(part, every)
        nats = sum(task.summed_loss(model, columns_of(part, [n]), 0.0).item() for n in every)
        assert task.summed_loss(model, columns, 0.0).item() == pytest.approx(nats, rel=1e-5)


def test_paths_are_those_of_feeding_back_by_hand(tmp_path: Path):
    _, model, part = model_and_part(tmp_path)
    frames = torch.tensor(part.rows([0])["frames"][0])[None]
    known, draws = frames.shape[1] - 5, shares(5, 3)[..., None]
    with torch.inference_mode():
        found = model.paths(frames, torch.tensor([known]), draws, [100.0])[:, 0]
        for p in range(3):
            own = frames.clone()
            for h in range(5):
                x = inputs(own[:, : known + h + 1])
                given = model(x, torch.tensor([known + h]))[0][:, -1]
                own[0, known + h, 0] = Gaussian().quantile(given, draws[h, p])
            torch.testing.assert_close(found[0, :, p], own[0, known:, 0], atol=1e-5, rtol=1e-4)


def test_a_path_that_runs_away_is_held(tmp_path: Path):
    task, model, part = model_and_part(tmp_path)
    with torch.no_grad():
        model.last.fill_(50.0)
    (row,) = part.rows([0])["frames"]
    with torch.inference_mode():
        (said,) = task.predict(model, columns_of(part, [0]))
    (reach,), (mean, deviation) = task.preprocessing.numbers("reach"), task.preprocessing.values["series"]["A"][:2]
    ends = mean + deviation * (row[-6, 0] + np.array([-reach, reach]))
    assert ends[0] - 1e-4 <= min(said["mean"]) <= max(said["mean"]) <= ends[1] + 1e-4
    assert min(abs(said["mean"][-1] - end) for end in ends) < 1e-3


def test_a_forecast_does_not_see_what_comes_but_sees_covariates(tmp_path: Path):
    task, model, part = model_and_part(tmp_path)
    with torch.no_grad():
        model.recurrent.weight_ih_l0[:, 1] = 3.0
    columns = columns_of(part, [0])
    with torch.inference_mode():
        before = task.predict(model, columns)[0]["mean"]
        columns["frames"].values[:, -5:, 0] = 99.0
        assert task.predict(model, columns)[0]["mean"] == before
        columns["frames"].values[:, -1, 1] += 5.0  # known in advance of the last step alone
        after = task.predict(model, columns)[0]["mean"]
    assert after[:4] == before[:4]
    assert after[4] != before[4]


def test_own_predictions_are_fed(tmp_path: Path):
    task, model, part = model_and_part(tmp_path)
    columns = columns_of(part, [0, 1])
    torch.manual_seed(0)
    whole = [task.summed_loss(model, columns, share).item() for share in (0.0, 1.0, 1.0)]
    assert whole[0] != whole[1] != whole[2]  # draws
    task.settings = TrainConfig(feeding="greedy")
    greedy = [task.summed_loss(model, columns, 1.0).item() for _ in range(2)]
    assert greedy[0] == greedy[1] != whole[0]


def hand_made(median: Any, truth: Any, last: Any, **more: Any) -> Forecasts:
    arrays = {name: np.array(it, float) for name, it in {"median": median, "truth": truth, "last": last}.items()}
    count = len(arrays["truth"])
    usual: dict[str, Any] = {
        "names": ["y"] * count,
        "at": np.arange(count) * arrays["truth"].shape[1],
        "mean": arrays["median"],
        "quantiles": arrays["median"][..., None] + np.linspace(-1.25, 1.25, len(LEVELS)),
        "crps": np.abs(arrays["median"] - arrays["truth"]),
        "truth": arrays["truth"],
        "naive": {"last value": arrays.pop("last")},
        "baseline": "last value",
        "deviation": np.ones(count),
        "naive_error": np.ones(count),
    }
    usual |= more
    return Forecasts(**usual)


def test_scores_of_a_hand_made_forecast():
    found = hand_made(
        [[1, 2], [3, 5]],
        [[1, 4], [3, 3]],
        [[0, 0], [1, 1]],
        naive={"last value": np.zeros((2, 2)), "last season (2 steps)": np.array([[1.0, 4], [3, 2]])},
        baseline="last season (2 steps)",
        deviation=np.array([2.0, 4]),
        naive_error=np.array([0.5, 0.0]),
    )
    report = Report(1.5, 4, found.metrics(), tables(found))
    values = {it.name: it for it in report.metrics}
    assert values["MAE"].value == 1
    assert (values["MAE"].of_baseline, values["MAE"].baseline) == (0.25, "the last season (2 steps)")
    assert values["MASE"].value == 2  # the second series' naive error is not known
    assert values["NRMSE2"].value == pytest.approx(math.sqrt((1 + 0.25) / 2))
    assert values["NRMSE2"].of_baseline == pytest.approx(math.sqrt((0 + 1 / 16) / 2))
    assert values["coverage of the 80% interval"].value == 0.5
    assert values["coverage of the 80% interval"].of_baseline == 0.8
    assert report.evaluation().selection_loss == 1
    assert report.tables["verdict"].startswith("Not better than the last season (2 steps): MAE 1 against 0.25")


def test_the_verdict_is_better_only_where_that_is_not_chance():
    draw = np.random.default_rng(0)
    truth = draw.normal(size=(40, 3))
    assert hand_made(0.1 * draw.normal(size=(40, 3)) + truth, truth, truth + 1).verdict().startswith("Better than the")
    lucky = truth + 1 + draw.normal(size=(40, 3))
    lucky[0] = truth[0]
    chance = hand_made(lucky, truth, truth + np.abs(lucky - truth).mean() * 1.01).verdict()
    assert chance.startswith("Not shown to be better"), chance
    assert hand_made(truth[:1], truth[:1], truth[:1] + 1).verdict().startswith("Not shown to be better")
    # Forty overlapping forecasts of one and the same stretch are one.
    assert hand_made(truth, truth, truth + 1, at=np.zeros(40, int)).verdict().startswith("Not shown")


def test_overlapping_forecasts_are_no_further_evidence():
    """Random walks forecast by the last value shifted at random: no better, whichever way it turns out."""
    better = 0
    horizon, count = 20, 600
    for seed in range(600):
        draw = np.random.default_rng(seed)
        walk = draw.normal(size=count + horizon).cumsum()
        at = np.arange(1, count)
        truth = np.stack([walk[k : k + horizon] for k in at])
        last = np.repeat(walk[at - 1, None], horizon, 1)
        found = hand_made(last + draw.choice([-0.3, 0.3]), truth, last, at=at)
        better += found.verdict().startswith("Better")
    assert better <= 24  # of 600, 2.5% by chance are 15
    truth = np.random.default_rng(0).normal(size=(80, horizon))
    apart = hand_made(truth, truth, truth + 1).verdict()
    assert "over 80 stretches" in apart
    dense = hand_made(truth, truth, truth + 1, at=np.arange(80)).verdict()
    assert "over 2 stretches" in dense  # of 4, each ending in the next


def trained(tmp_path: Path, y: Any, *, steps: int, **config: Any) -> tuple[Any, Any, Examples]:
    source, made = table(tmp_path / "y.csv", y=y), ForecastConfig(**config)
    data = new_run(
        tmp_path / "run", lambda to: prepare_examples(ForecastTask, Sources((source,)), made, to), task="forecast"
    )
    settings = TrainConfig(batch_size=8, steps=steps, learning_rate=0.01, validate_every=steps, warmup_steps=10)
    train(tmp_path / "run", data, made, settings, task="forecast")
    run = load_run(tmp_path / "run")
    return ForecastTask(run.config.model, run.vocabulary), run.model, data


@pytest.mark.slow
def test_a_random_walk_is_not_forecast_better(tmp_path: Path):
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        walk = np.random.default_rng(seed).normal(size=1500).cumsum()
        task, model, data = trained(folder, walk, steps=60, hidden_size=8, window=40, horizon=8)
        with torch.inference_mode():
            report = task.measure(model, data.parts["test"])
        assert report.tables["verdict"].startswith("Not"), report.tables["verdict"]


def test_from_file_to_forecast(tmp_path: Path):
    """A wave of one season: learned, better than the last value, continued beyond the file's end."""
    time = np.arange(600)
    y = 50 + 10 * np.sin(2 * np.pi * time / 12)
    task, model, data = trained(tmp_path, y, steps=150, hidden_size=16, window=36, horizon=12, season=1, paths=20)
    with torch.inference_mode():
        report = task.measure(model, data.parts["test"])
    assert report.tables["verdict"].startswith("Better than the mean"), report.tables["verdict"]
    assert report.metrics[0].value < 2.0 < report.metrics[0].of_baseline
    ((_, said),) = task.predict_rows(model, read_series(tmp_path / "y.csv"))
    expected = 50 + 10 * np.sin(2 * np.pi * np.arange(600, 612) / 12)
    assert np.abs(np.array(said["mean"]) - expected).mean() < 3
    assert said["series"] == "y"
    assert list(said["quantiles"]) == ["0.1", "0.25", "0.5", "0.75", "0.9"]
    assert all(a <= b for a, b in zip(said["quantiles"]["0.1"], said["quantiles"]["0.9"], strict=True))
    lines = task.text(said).splitlines()
    assert len(lines) == 13
    assert lines[0].split() == ["y", "mean", "0.1", "0.25", "0.5", "0.75", "0.9"]
    assert lines[1].split()[0] == "+1"


def test_baselines_are_the_loss_of_the_last_value(tmp_path: Path):
    y = np.random.default_rng(0).normal(size=200).cumsum()
    for distribution in ("gaussian", "quantiles"):
        config = ForecastConfig(**SMALL, distribution=distribution)
        task, _ = prepared(tmp_path / distribution, table(tmp_path / "y.csv", y=y), config)
        changes, deviation = np.diff(y), y[:160].std()
        before, after = changes[:159] / deviation, changes[159:179].reshape(4, 5) / deviation
        if distribution == "gaussian":
            spread = np.sqrt((before**2).mean())
            expected = (np.log(spread) + 0.5 * (after / spread) ** 2 + 0.5 * np.log(2 * np.pi)).mean()
        else:
            errors = [after - np.quantile(before, level) for level in Quantiles.LEVELS]
            pairs = zip(errors, Quantiles.LEVELS, strict=True)
            expected = sum(np.maximum(p * e, (p - 1) * e).mean() for e, p in pairs)
        assert task.baselines()[0]["last value"] == pytest.approx(expected, rel=1e-4)


def test_the_training_part_has_nothing_to_be_measured(tmp_path: Path):
    task, data = prepared(tmp_path / "run", table(tmp_path / "y.csv", y=np.arange(100.0)), ForecastConfig(**SMALL))
    with pytest.raises(DataError, match="no forecasts: evaluate on the validation or the test part"):
        task.measure(task.new_model().eval(), data.parts["train"])  # type: ignore[arg-type]


def test_a_series_not_seen_in_training_has_the_scale_of_its_past(tmp_path: Path):
    config = ForecastConfig(**SMALL)
    _, data = prepared(tmp_path / "run", table(tmp_path / "y.csv", y=np.arange(60.0)), config)
    new = Row("new", series_values("new", np.arange(1000.0, 1030.0)))
    (example,) = ForecastTask.encode(new, config, data.preprocessing, labelled=False)
    assert example["scale"][:2].tolist() == [1014.5, pytest.approx(np.arange(30).std())]
    everything = ForecastConfig(**SMALL, normalise="all")
    (example,) = ForecastTask.encode(new, everything, data.preprocessing, labelled=False)
    assert example["scale"][:2].tolist() == data.preprocessing.numbers("overall")


def test_files_of_their_own_begin_with_their_past(tmp_path: Path):
    config = ForecastConfig(**SMALL)
    sources = Sources(
        (table(tmp_path / "a.csv", y=np.arange(60.0)),), (table(tmp_path / "b.csv", y=np.arange(200.0, 231.0)),)
    )
    data = prepare_examples(ForecastTask, sources, config, tmp_path / "run")
    rows = data.parts["validation"].rows(range(len(data.parts["validation"])))
    assert [int(at[0]) for at in rows["at"]] == [20, 25]
    assert data.preprocessing.values["series"]["y"][0] == np.arange(60).mean()


def test_series_that_cannot_be_split_or_forecast_raise(tmp_path: Path):
    with pytest.raises(DataError, match=r"y\.csv, series 'y' \(from row 1\) has 11 steps, but training needs 2"):
        prepared(tmp_path / "a", table(tmp_path / "y.csv", y=np.arange(11.0)), ForecastConfig(**SMALL))
    config = ForecastConfig(**SMALL, covariates="c")
    source = table(tmp_path / "c.csv", y=np.arange(60.0), c=np.arange(60.0))
    task, data = prepared(tmp_path / "b", source, config)
    with pytest.raises(DataError, match=r"covariates of 5 steps after the last value are needed, but there are 0"):
        list(task.predict_rows(task.new_model().eval(), ForecastTask.read(source, config)))
    with pytest.raises(DataError, match=r"there are 0 covariates, but those of training were 1"):
        list(
            ForecastTask.encode(
                Row("x", series_values("y", np.arange(9.0))), config, data.preprocessing, labelled=False
            )
        )
    twice = Sources((source, source))
    with pytest.raises(DataError, match="another series has this name"):
        prepare_examples(ForecastTask, twice, config, tmp_path / "d")


def test_the_future_of_covariates_is_read(tmp_path: Path):
    config = ForecastConfig(**SMALL, covariates="c")
    source = tmp_path / "c.csv"
    source.write_text("y,c\n" + "".join(f"{k % 7},{k % 3}\n" for k in range(60)) + "".join(f",{k}\n" for k in range(6)))
    task, data = prepared(tmp_path / "run", source, config)
    (row,) = ForecastTask.read(source, config)
    (example,) = ForecastTask.encode(row, config, data.preprocessing, labelled=False)
    mean, deviation = data.preprocessing.numbers("mean")[0], data.preprocessing.numbers("deviation")[0]
    np.testing.assert_allclose(example["frames"][-5:, 1] * deviation + mean, range(5), atol=1e-6)
    assert len(example["frames"]) == 25
    part = Part({name: Rows([it]) for name, it in example.items()})
    model: Any = task.new_model().eval()
    with torch.inference_mode():
        said = task.predict(model, columns_of(part, [0]))
    assert len(said[0]["mean"]) == 5
