"""A run stopped anywhere and gone on with equals the run never stopped."""

import os
from pathlib import Path

import numpy as np
import pytest
from tests.train.small_runs import SGD, assert_same_run, corpus_in, lines, model_for, rich_run, state, train_in

from tidegate.errors import ArgumentError, DataError, RunFolderError
from tidegate.text.task import LanguageModelTask
from tidegate.train import Progressed, Started, TrainConfig, resume, train
from tidegate.train.loop import Loop


class Crash(BaseException):
    """As if the process were gone: nothing catches it."""


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    rich_run(folder)
    return folder


def run_until_done(folder: Path, monkeypatch: pytest.MonkeyPatch, crashes: list[tuple[int, bool]]) -> None:
    """Crash at given renames, before or after they happen; then let it finish."""
    rename = os.replace
    for number, after in crashes:
        left = number

        def crashing(source, target, after=after) -> None:
            nonlocal left
            left -= 1
            if left > 0 or after:
                rename(source, target)
            if left <= 0:
                raise Crash

        monkeypatch.setattr(os, "replace", crashing)
        with pytest.raises(Crash):
            rich_run(folder)
    monkeypatch.setattr(os, "replace", rename)
    assert rich_run(folder).reason == "budget"


@pytest.mark.parametrize(
    "crashes",
    [
        [(1, False), (3, True), (4, False), (4, True)],  # while the run folder is being made
        [(7, False), (2, True), (5, False), (1, True)],
        [(9, True), (8, True), (1, False), (1, True), (5, False)],
    ],
)
def test_crashes_at_any_write_leave_no_trace(tmp_path: Path, unbroken: Path, monkeypatch, crashes):
    run_until_done(tmp_path / "run", monkeypatch, crashes)
    assert_same_run(unbroken, tmp_path / "run")


@pytest.fixture(scope="module")
def unbroken_sgd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    rich_run(folder, **SGD)
    tensors, counters = state(folder)
    begun = int(tensors["average.count"])
    assert counters["decays"] >= 2
    assert 4 < begun < 24, "averages began in the middle of the run"
    assert counters["best_step"] > 28 - begun, "and the best model is one of them"
    return folder


@pytest.mark.parametrize("step", [6, 13, 21])
def test_sgd_its_decays_and_averages_go_on_bit_for_bit(tmp_path: Path, unbroken_sgd: Path, monkeypatch, step):
    between = Loop._between_steps

    def stopping(self) -> None:
        between(self)
        self._stop = self.counters.step == step

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_between_steps", stopping)
        assert rich_run(tmp_path / "run", **SGD).step == step
    assert rich_run(tmp_path / "run").reason == "budget"
    assert_same_run(unbroken_sgd, tmp_path / "run")


@pytest.mark.parametrize("settings", [{"schedule": "plateau"}, {"average_after": 5}])
def test_what_follows_validation_is_refused_without_one(tmp_path: Path, monkeypatch, settings):
    monkeypatch.setattr(LanguageModelTask, "validate", lambda self, model: None)
    with pytest.raises(ArgumentError, match="no validation part"):
        train_in(tmp_path / "run", steps=1, **settings)


@pytest.mark.parametrize("step", [1, 5, 16, 17, 30, 47])
def test_an_interrupted_run_gone_on_with_is_the_unbroken_run(tmp_path: Path, unbroken: Path, monkeypatch, step):
    # A checkpoint at a step that is in step with nothing else: mid-window, mid-epoch, mid-report.
    between = Loop._between_steps

    def stopping(self) -> None:
        between(self)
        if self.counters.step == step:
            self._stop = True

    monkeypatch.setattr(Loop, "_between_steps", stopping)
    finished = rich_run(tmp_path / "run")
    assert (finished.reason, finished.step) == ("interrupted", step)
    monkeypatch.setattr(Loop, "_between_steps", between)
    assert rich_run(tmp_path / "run").reason == "budget"
    assert_same_run(unbroken, tmp_path / "run")


def test_a_finished_run_stays_as_it_is(tmp_path: Path):
    train_in(tmp_path / "run")
    before = (tmp_path / "run/metrics.jsonl").read_bytes()
    events = []
    finished = resume(tmp_path / "run", report=events.append)
    assert finished.reason == "budget"
    assert [type(it).__name__ for it in events] == ["Started", "Finished"]
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == before


def test_a_raised_budget_goes_on(tmp_path: Path):
    train_in(tmp_path / "run", steps=20)
    events = []
    finished = resume(tmp_path / "run", steps=40, report=events.append)
    assert (finished.reason, finished.step) == ("budget", 40)
    assert isinstance(events[0], Started)
    assert (events[0].step, events[0].total_steps) == (20, 40)
    assert next(it for it in events if isinstance(it, Progressed)).progress == 24 / 40
    assert resume(tmp_path / "run").step == 40
    assert resume(tmp_path / "run", epochs=2).step == 2 * events[0].steps_per_epoch


def test_baselines_are_not_counted_again(tmp_path: Path, monkeypatch):
    train_in(tmp_path / "run", steps=5)
    monkeypatch.setattr("tidegate.text.corpus.ngrams.ngram_baselines", lambda *_: pytest.fail("counted again"))
    events = []
    resume(tmp_path / "run", steps=6, report=events.append)
    assert isinstance(events[0], Started)
    assert events[0].baselines["trigram"] > 0


def test_early_stopping_counts_on(tmp_path: Path):
    options = {"steps": 5000, "learning_rate": 0.3, "seed": 1, "patience": 3}
    train_in(tmp_path / "whole", **options)
    best = [line["best"] for line in lines(tmp_path / "whole") if line["event"] == "validation"]
    stop = 10 * len(best) - 15  # one of the three bad validations is behind

    def crash(event) -> None:
        if isinstance(event, Progressed) and event.step >= stop:
            raise Crash

    with pytest.raises(Crash):
        train_in(tmp_path / "run", report=crash, **options)
    assert resume(tmp_path / "run").reason == "early stopping"
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_changed_data_are_noticed(tmp_path: Path):
    train_in(tmp_path / "run")
    array = np.load(tmp_path / "run/corpus.npy")
    array[100] = (array[100] + 1) % 5
    np.save(tmp_path / "run/corpus.npy", array)
    with pytest.raises(DataError, match="has changed"):
        resume(tmp_path / "run", steps=40)


def test_another_corpus_is_noticed(tmp_path: Path):
    train_in(tmp_path / "run")
    (tmp_path / "text.txt").write_text("another text " * 300)
    corpus_in(tmp_path / "other")
    for name in ("corpus.npy", "corpus.json", "vocabulary.json"):
        (tmp_path / "run" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    with pytest.raises((DataError, RunFolderError), match=r"not those this run began with|not of the same run"):
        resume(tmp_path / "run", steps=40)


def test_metrics_cut_short_are_noticed(tmp_path: Path):
    train_in(tmp_path / "run", steps=20)
    path = tmp_path / "run/metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RunFolderError, match=r"metrics\.jsonl should have at least"):
        resume(tmp_path / "run", steps=40)


def test_lines_after_the_checkpoint_are_cut_off(tmp_path: Path):
    train_in(tmp_path / "run", steps=20)
    before = lines(tmp_path / "run")
    with (tmp_path / "run/metrics.jsonl").open("ab") as file:
        file.write(b'{"event": "train", "step": 21, "cl')
    resume(tmp_path / "run")
    assert lines(tmp_path / "run") == before


def test_carried_state_matters(tmp_path: Path):
    # The guard of all tests above: a run that forgot what it carries would differ.
    corpus = corpus_in(tmp_path / "run")
    config = TrainConfig(batch_size=4, k1=10, steps=10, validate_every=10)
    train(tmp_path / "run", corpus, model_for(corpus), config)
    tensors, _ = state(tmp_path / "run")
    assert tensors["carried.h"].shape == (1, 1, 4, 8)
    assert tensors["carried.h"].abs().max() > 0
