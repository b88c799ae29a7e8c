"""What hidden units of translators, captioners, forecasters and regressors may track, and their losses."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.lens.tasks.tiny import tiny_run

from tidegate.data.columns import Part
from tidegate.data.ragged_array import Rows
from tidegate.lens.interventions.intervention import ablate, with_interventions
from tidegate.lens.tasks import look_at
from tidegate.lens.tasks.regressor import RegressorLook
from tidegate.lens.tasks.units.find_units import find_units
from tidegate.lens.tasks.units.held_out_halves import HeldOutHalves, held_out
from tidegate.lens.tasks.units.unit_effect import unit_effect
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.forecast.free_running import forecast_part
from tidegate.tasks.forecast.scores import LEVELS
from tidegate.tasks.forecast.task import ForecastConfig, ForecastTask
from tidegate.tasks.regress.task import RegressConfig, RegressTask
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.train import Run

Made = tuple[Any, Run]
SIZES: dict[str, Any] = {"hidden_size": 5, "dropout": 0.0}


def translator(folder: Path) -> Made:
    rng = random.Random(0)
    texts = ["".join(rng.choices("ab12", k=rng.randint(1, 7))) for _ in range(90)]
    (folder / "pairs.tsv").write_text("".join(f"{text}\t{text[::-1]}\n" for text in texts))
    config = TranslateConfig(
        **SIZES, embedding_size=4, min_count=1, source_level="characters", target_level="characters"
    )
    return tiny_run(TranslateTask, [folder / "pairs.tsv"], config, shares=(0.4, 0.0, 0.6))


def captioner(folder: Path) -> Made:
    features = np.random.default_rng(0).normal(size=(90, 6))
    np.savez(folder / "caption.npz", features=features, captions=[("one", "two", "three")[n % 3] for n in range(90)])
    return tiny_run(
        CaptionTask, [folder / "caption.npz"], CaptionConfig(**SIZES, embedding_size=4), shares=(0.4, 0, 0.6)
    )


def series(folder: Path, columns: str) -> Path:
    rng, steps = np.random.default_rng(0), np.arange(160)
    values = {name: 10 + np.cos(2 * np.pi * steps / 8 + n) + rng.normal(0, 0.1, 160) for n, name in enumerate(columns)}
    pd.DataFrame(values).to_csv(folder / "series.csv", index=False)
    return folder / "series.csv"


def forecaster(folder: Path) -> Made:
    config = ForecastConfig(**SIZES, horizon=4, window=12, paths=5, season=8, target="a,b")
    return tiny_run(ForecastTask, [series(folder, "ab")], config, shares=(0.5, 0.0, 0.5))


def regressor(folder: Path) -> Made:
    config = RegressConfig(**SIZES, inputs="a,b", targets="y,z", burn_in=0, taps=3)
    path = series(folder, "abyz")
    table = pd.read_csv(path)
    table.loc[table.index % 9 == 0, "y"] = np.nan
    table.to_csv(path, index=False)
    return tiny_run(RegressTask, [path], config, shares=(0.5, 0.0, 0.5))


def second_half(held: HeldOutHalves, sequence: str) -> Part:
    number, step = held.half(held.subject.sequences[sequence])
    assert step == 0
    own = held.examples[number:]
    return Part({name: Rows([it[name] for it in own]) for name in own[0]})


@pytest.mark.parametrize(
    ("make", "sequence"),
    [(translator, "source"), (translator, "target"), (captioner, "target"), (forecaster, "input")],
)
def test_losses_without_interventions_are_those_of_evaluation(
    tmp_path: Path, make: Callable[[Path], Made], sequence: str
) -> None:
    task, run = make(tmp_path)
    held = held_out(run)
    effect = unit_effect(run, ablate(0, "h", 2), sequence=sequence, controls=2)
    with evaluating(run.model), torch.inference_mode():
        report = task.measure(run.model, second_half(held, sequence), tables=False)
    assert effect.losses["all"].before == pytest.approx(report.loss, rel=1e-5)
    assert effect.losses["all"].count == report.predictions
    assert effect.losses["all"].after != effect.losses["all"].before
    assert sum(it.count for name, it in effect.losses.items() if name != "all") == report.predictions
    found = find_units(run, sequence=sequence, twins=1, shifts=1)
    assert found.found


def test_long_series_are_cut_in_the_middle(tmp_path: Path) -> None:
    _, run = regressor(tmp_path)
    look = look_at(run, 0, part="test")
    assert isinstance(look, RegressorLook)
    held = held_out(run)
    (example,) = held.examples
    steps = len(example["inputs"])
    number, step = held.half(held.subject.sequences["input"])
    assert (number, step) == (0, steps // 2)
    deviation = np.array(run.vocabulary.numbers("target_deviation"))
    squares = ((look.error / deviation) ** 2)[step:]
    effect = unit_effect(run, ablate(0, "h", 2))
    assert effect.losses["all"].before == pytest.approx(np.nanmean(squares), rel=1e-4)
    assert effect.losses["y"].count == np.isfinite(squares[:, 0]).sum() < effect.losses["z"].count
    assert effect.losses["z"].before == pytest.approx(np.nanmean(squares[:, 1]), rel=1e-4)
    assert not effect.errors
    cut = held_out(run, limit=30)
    assert [len(it["inputs"]) for it in cut.examples] == [30]
    found = find_units(run, names=["h"], twins=1)
    assert set(found.found) == {
        f"{before}{kind} {name}" for before in ("", "change of ") for kind, name in zip(
            ("input", "input", "target", "target"), "abyz", strict=True
        )
    }  # fmt: skip


def test_a_cut_of_a_forecaster_is_measured_over_the_whole_horizon(tmp_path: Path) -> None:
    task, run = forecaster(tmp_path)
    cut = ablate(0, "h", 2)
    made = unit_effect(run, cut, controls=2)
    assert "median over the horizon" in str(made)
    part = second_half(held_out(run), "input")
    found = []
    for model in (run.model, with_interventions(run.model, run.model.recurrent, (cut,))):
        with evaluating(model), torch.inference_mode():
            _, each = forecast_part(model, part, task.config, task.preprocessing, task.LENGTH)
        errors = [
            np.abs(it.quantiles[..., LEVELS.index(0.5)] - it.truth) / it.deviation[:, None] for it in each.values()
        ]
        found.append(np.mean(errors))
    assert abs(found[1] - found[0]) > 0.01
    assert [made.errors["all"].before, made.errors["all"].after] == pytest.approx(found, rel=1e-5)
    assert np.isfinite(made.errors["all"].control_changes).all()


def test_labels_are_of_the_step_that_has_read(tmp_path: Path) -> None:
    task, run = forecaster(tmp_path)
    held = held_out(run)
    labels = {it.name: it for it in held.subject.sequences["input"].labels(task)}
    whole = pd.read_csv(tmp_path / "series.csv")
    for example in held.examples:
        frames, at = example["frames"], int(example["at"][0])
        steps = len(frames) - 1
        read = np.arange(at - 1, at + 3)  # the last known value, and those of the horizon but the last
        rows = {name: it.rows(example, steps)[:-1] for name, it in labels.items()}
        assert all(np.isnan(it[:-4]).all() for it in rows.values())
        mean, deviation = example["scale"].reshape(2, -1)[1, :2]
        for name, shift in (("value of b", 0), ("next value of b", 1)):
            np.testing.assert_allclose(rows[name][-4:] * deviation + mean, whole["b"][read + shift], rtol=1e-5)
        np.testing.assert_allclose(rows["next change of b"][-4:] * deviation, np.diff(whole["b"])[read], atol=1e-5)
        np.testing.assert_allclose(rows["phase of 8 steps of a, cosine"][-4:], np.cos(np.pi * read / 4), atol=1e-9)
    task, run = translator(tmp_path)
    held = held_out(run)
    labels = {it.name: it for it in held.subject.sequences["target"].labels(task)}
    example, vocabulary = held.examples[0], task.preprocessing.vocabulary("target")
    written = vocabulary.decode(example["target"].tolist())
    rows = {name: it.rows(example, len(written))[:-1].tolist() for name, it in labels.items()}
    assert rows["next: a"] == [it == "a" for it in written]
    assert rows["next: <end>"] == [False] * (len(written) - 1) + [True]
    assert rows["next is in the source"][:-1] == [True] * (len(written) - 1)
    assert np.isnan(rows["digit"][0])
    assert rows["digit"][1:] == [it.isdigit() for it in written[:-1]]
