"""Outcomes of held-out examples: against what `tidegate evaluate` measures, and scikit-learn."""

import math
from dataclasses import astuple
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from tests.lens.tasks.tiny import tiny_run

from tidegate.errors import ArgumentError
from tidegate.lens.progress import watched
from tidegate.lens.tasks import look_at
from tidegate.lens.tasks.outcomes import HeldOut, held_out_outcomes
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.probe.task import ProbeConfig, ProbeTask
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.tasks.tag.task import TagConfig, TagTask
from tidegate.train import Run

SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "min_count": 1}
SHARES = (0.5, 0.5, 0.0)


def classes(folder: Path) -> tuple[ExampleTask, Run]:
    lines = (f"__label__{'abc'[n * n % 3]} so {('good', 'bad', 'even')[n % 3]} {'z ' * (n % 4)}" for n in range(40))
    (folder / "a.txt").write_text("\n".join(lines) + "\n")
    return tiny_run(ClassifyTask, [folder / "a.txt"], ClassifyConfig(**SIZES, level="words"), shares=SHARES)


def tags(folder: Path, config: TagConfig) -> tuple[ExampleTask, Run]:
    words = [[f"w{(n * k) % 7}" for k in range(1, 2 + n % 5)] for n in range(30)]
    sentences = ("".join(f"{it}\t{'ABC'[int(it[1]) * len(own) % 3]}\n" for it in own) for own in words)
    (folder / "a.conll").write_text("\n".join(sentences))
    return tiny_run(TagTask, [folder / "a.conll"], config, shares=SHARES)


def measured(task: ExampleTask, run: Run, part: str = "validation") -> Any:
    with torch.inference_mode():
        return task.measure(run.model, run.open_data().parts[part])


def test_classes_are_those_of_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.lens.tasks.outcomes.one_pass.AT_ONCE", 7)  # several batches, the last one smaller
    task, run = classes(tmp_path)
    heard: list[float] = []
    with watched(lambda it: heard.append(it.share if it else -1)):
        found = held_out_outcomes(run)
    report = measured(task, run)
    values = {it.name: it.value for it in report.metrics}
    count = len(found)
    assert heard == [min(n, count) / count for n in range(7, count + 7, 7)]
    assert found.accuracy == pytest.approx(values["accuracy"])
    assert np.mean([it.loss for it in found.each]) == pytest.approx(report.loss, rel=1e-5)
    assert (found.part, found.total) == ("validation", len(run.open_data().parts["validation"]))
    for it in found.each[:5]:
        look = look_at(run, it.number)
        assert (it.guess, it.truth) == (look.prediction["label"], look.truth["label"])
        assert it.p == pytest.approx(look.prediction["probabilities"][it.guess], rel=1e-4)
        assert it.text.split() == list(look.steps["input"].read)


def test_the_confusion_is_scikit_learns_and_each_cell_names_its_examples(tmp_path: Path) -> None:
    _, run = classes(tmp_path)
    found = held_out_outcomes(run)
    truth, guess = [it.truth for it in found.each], [it.guess for it in found.each]
    labels = list(found.labels)
    confusion = found.confusion()
    np.testing.assert_array_equal(confusion.matrix(), confusion_matrix(truth, guess, labels=labels))
    named = [it.label for it in found.scores()]
    scores: Any = precision_recall_fscore_support(truth, guess, labels=named, zero_division=cast(str, 0))
    np.testing.assert_allclose([astuple(it)[1:] for it in found.scores()], np.transpose(scores))
    of = {it.number: it for it in found.each}
    for (true, said), cell in confusion.cells.items():
        assert len(cell.examples) == cell.count
        assert {(of[n].truth, of[n].guess) for n in cell.examples} == {(labels[true], labels[said])}
        losses = [of[n].loss for n in cell.examples]
        assert losses == sorted(losses, reverse=True)
    counts = [confusion.cells[place].count for place in confusion.mistakes()]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == sum(it.wrong for it in found.each) > 0
    assert len(confusion.most_confused(2)) == 2
    assert all(not it.right for it in found.worst(5))
    assert [it.loss for it in found.worst(5)] == sorted((it.loss for it in found.each if not it.right), reverse=True)[
        :5
    ]


@pytest.mark.parametrize("crf", [False, True])
def test_tags_are_those_of_evaluate(tmp_path: Path, crf: bool) -> None:
    task, run = tags(tmp_path, TagConfig(**SIZES, crf=crf))
    found = held_out_outcomes(run)
    values = {it.name: it.value for it in measured(task, run).metrics}
    assert found.accuracy == pytest.approx(values["accuracy"])
    looks: dict[int, Any] = {it.number: look_at(run, it.number) for it in found.each}
    truth = [tag for look in looks.values() for tag in look.truth["tags"]]
    guess = [tag for look in looks.values() for tag in look.prediction["tags"]]
    np.testing.assert_array_equal(found.confusion().matrix(), confusion_matrix(truth, guess, labels=list(found.labels)))
    for it in found.each:
        look = looks[it.number]
        pairs = list(zip(look.truth["tags"], look.prediction["tags"], strict=True))
        p = [
            look.steps["input"].choices.probabilities[t][list(found.labels).index(true)]
            for t, (true, _) in enumerate(pairs)
        ]
        assert it.loss == pytest.approx(-np.log(p).mean(), rel=1e-3)
        assert (it.predictions, it.wrong, it.right) == (len(pairs), sum(a != b for a, b in pairs), not it.wrong)
        wrong = [t for t, (true, said) in enumerate(pairs) if true != said] or range(len(pairs))
        assert it.step == min(wrong, key=lambda t: p[t])
        assert (it.truth, it.guess) == pairs[it.step]
        assert it.token == look.steps["input"].read[it.step]
        assert it.text == " ".join(look.steps["input"].read)


def test_a_true_tag_that_training_lacks_is_wrong_and_has_a_row_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("a\tX\nb\tY\n\n" * 4)
    (tmp_path / "b.conll").write_text("a\tX\nb\tZ\n\n")
    from tidegate.data.sources import Sources
    from tidegate.tasks.encode_examples import prepare_examples

    config = TagConfig(**SIZES, unseen="wrong")
    _, run = tiny_run(TagTask, [tmp_path / "a.conll"], config)
    sources = Sources((tmp_path / "a.conll",), (tmp_path / "b.conll",))
    prepare_examples(TagTask, sources, config, run.folder, shares=(1.0, 0.0, 0.0))
    (only,) = held_out_outcomes(run).each
    assert (only.truth, only.right, only.step) == ("(not in training)", False, 1)
    confusion = held_out_outcomes(run).confusion()
    assert list(confusion.labels)[-1] == "(not in training)"
    assert confusion.matrix()[-1].sum() == 1


def test_texts_are_those_of_the_screen(tmp_path: Path) -> None:
    texts = ["".join("abc<"[(n * k) % 4] for k in range(1, 3 + n % 6)) for n in range(16)]
    (tmp_path / "a.tsv").write_text("".join(f"{text}\t{text[::-1]}\n" for text in texts))
    config = TranslateConfig(**SIZES, beam=3, max_length=7)
    task, run = tiny_run(TranslateTask, [tmp_path / "a.tsv"], config, shares=SHARES)
    found = held_out_outcomes(run)
    assert found.accuracy == pytest.approx({it.name: it.value for it in measured(task, run).metrics}["exact match"])
    lengths = run.open_data().parts["validation"].columns["target"].lengths
    mean = np.average([it.loss for it in found.each], weights=lengths)
    assert mean == pytest.approx(measured(task, run).loss, rel=1e-5)
    for it in found.each[:4]:
        look = look_at(run, it.number)
        assert (it.guess, it.truth) == (look.prediction["text"], look.truth["text"])
        assert it.p == pytest.approx(math.exp(look.prediction["score"]), rel=1e-4)
        assert it.text == "".join(look.steps["source"].read)
        assert it.right == (it.guess == it.truth)
    assert not found.confusion().cells


def test_forecasts_are_ranked_by_the_error_that_evaluate_measures(tmp_path: Path) -> None:
    lines = (f"{10 + 3 * math.sin(t / 3):.5f},{t}" for t in range(120))
    (tmp_path / "a.csv").write_text("a,b\n" + "".join(line + "\n" for line in lines))
    config = ForecastConfig(hidden_size=5, horizon=4, window=20, paths=15)
    task, run = tiny_run(ForecastTask, [tmp_path / "a.csv"], config, shares=(0.6, 0.4, 0.0))
    assert isinstance(task, ForecastTask)
    found = held_out_outcomes(run)
    with torch.inference_mode():
        _, each = task.forecasts(run.model, run.open_data().parts["validation"])
    (own,) = (it.in_deviations() for it in each.values())
    expected = np.abs(own.median - own.truth).mean(1)
    assert [it.loss for it in found.each] == pytest.approx(expected.tolist(), rel=1e-5)
    assert found.each[0].text.startswith(f"{own.names[0]}, after step {own.at[0]:,}")
    assert found.accuracy is None
    assert found.worst(1)[0].loss == max(it.loss for it in found.each)


def test_values_are_ranked_by_their_error(tmp_path: Path) -> None:
    lines = (f"{'pq'[t % 2]},{math.sin(t / 3):.5f},{'' if t % 7 == 3 else t}" for t in range(120))
    (tmp_path / "a.csv").write_text("of,x,y\n" + "".join(line + "\n" for line in lines))
    config = RegressConfig(inputs="x", targets="y", hidden_size=5, series_column="of")
    task, run = tiny_run(RegressTask, [tmp_path / "a.csv"], config, shares=SHARES)
    part = run.open_data().parts["validation"]
    deviation = task.preprocessing.numbers("target_deviation")[0]
    for it in held_out_outcomes(run).each:
        look: Any = look_at(run, it.number)
        skip = int(part.columns["skip"][it.number][0])
        error = look.error[skip:]
        assert it.loss == pytest.approx(np.sqrt(np.nanmean(error**2)) / deviation, rel=1e-4)
        assert it.text in ("p", "q")


def test_of_many_examples_some_are_tried_evenly_spread(tmp_path: Path) -> None:
    _, run = classes(tmp_path)
    examples = HeldOut(run, 5)
    assert examples.numbers[0] == 0
    assert examples.numbers[-1] == examples.total - 1
    assert np.ptp(np.diff(examples.numbers)) <= 1
    assert [it.number for batch in examples for it in batch] == examples.numbers
    with pytest.raises(ArgumentError, match="limit is 0"):
        held_out_outcomes(run, limit=0)


def test_a_task_that_does_not_say_is_refused(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", frames=draw.random((12, 7, 2)), targets=draw.random((12, 7)))
    _, run = tiny_run(ProbeTask, [tmp_path / "a.npz"], ProbeConfig(hidden_size=5), shares=SHARES)
    with pytest.raises(ArgumentError, match="no look at examples"):
        held_out_outcomes(run)
