"""Attribution of decisions: gradients by autograd, integrals by the midpoint rule, a linear model by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.lens.tasks.planted import planted
from tests.lens.tasks.test_task_subjects import captioner, regressor, translator
from tests.lens.tasks.tiny import tiny_run

from tidegate.data.buckets import Padded
from tidegate.errors import ArgumentError
from tidegate.lens.tasks import WriterLook, look_at, task_look, what_decided
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.forecast.model import inputs
from tidegate.tasks.forecast.task import ForecastConfig, ForecastTask
from tidegate.tasks.forecast.windows import by_target
from tidegate.tasks.tag.task import TagConfig, TagTask

TEXTS = "label\ttext\na\tab ba\nb\tbb\nc\tcab c\na\taa b\n"


@pytest.mark.parametrize("pooling", ["last", "attention"])
@pytest.mark.parametrize("against", [None, "c"])
def test_measures_of_a_class(tmp_path: Path, pooling: Any, against: str | None) -> None:
    (tmp_path / "texts.tsv").write_text(TEXTS)
    config = ClassifyConfig(
        hidden_size=3, embedding_size=4, pooling=pooling, level="characters", label_column="label", text_column="text"
    )
    _, run = tiny_run(ClassifyTask, [tmp_path / "texts.tsv"], config)
    made = what_decided(run, "abca b", target="b", against=against)
    model = run.model
    ids = run.vocabulary.vocabulary("characters").encode("abca b")
    x = model.input(torch.tensor(ids))[None].detach()

    def function(inputs: torch.Tensor) -> torch.Tensor:
        output, final = model.recurrent(inputs)
        lengths = torch.tensor([inputs.shape[1]] * len(inputs))
        log = model.output(model.pool(output, final[0], lengths)).log_softmax(-1)
        return log[:, 1] - (0 if against is None else log[:, 2])

    points = (torch.arange(400) + 0.5) / 400
    along = (points[:, None, None] * x).requires_grad_()
    (slopes,) = torch.autograd.grad(function(along).sum(), along)
    here = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(here).sum(), here)
    without = x.repeat(6, 1, 1)
    without[torch.arange(6), torch.arange(6)] = 0
    with torch.no_grad():
        value, nothing, erased = function(x), function(0 * x), function(without)
    assert made.read == tuple("abca b")
    assert (made.target, made.against, made.unit, made.complete) == ("b", against, "nats", True)
    assert made.value == pytest.approx(float(value), abs=1e-5)
    assert made.baseline_value == pytest.approx(float(nothing), abs=1e-5)
    np.testing.assert_allclose(made.gradient_input, (slope * x).sum(-1)[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(made.integrated, (slopes.mean(0) * x[0]).sum(-1).numpy(), atol=0.02 * abs(made.value))
    np.testing.assert_allclose(made.erased, (value - erased).numpy(), atol=1e-5)
    assert made.completeness == pytest.approx(1, abs=0.01)
    assert sum(p for _, p in made.choices) == pytest.approx(1)
    predicted = look_at(run, "abca b").prediction["label"]
    assert made.choices[0][0] == predicted == what_decided(run, "abca b").target


def test_a_linear_regressor_is_attributed_by_hand(tmp_path: Path) -> None:
    _, run = regressor(tmp_path)
    with torch.no_grad():
        run.model.output.weight.zero_()
    look = look_at(run, 0, part="test")
    made = what_decided(run, 0, part="test", at=20, target="z")
    x = run.open_data().parts["test"].columns["inputs"][0]
    parts = x[20] @ run.model.direct.weight[1].detach().numpy()
    expected = np.zeros(len(x))
    expected[20] = parts
    for measure in (made.gradient_input, made.integrated, made.erased):
        np.testing.assert_allclose(measure, expected, atol=1e-5)
    assert made.value == pytest.approx(parts + float(run.model.output.bias[1].detach()), abs=1e-5)
    assert [name for name, _ in made.choices] == ["y", "z"]
    assert len(look.steps["input"]) == len(x)


def test_a_place_far_into_a_series_is_attributed_to_the_steps_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = regressor(tmp_path)
    for at in (2, 40):
        whole = what_decided(run, 0, part="test", at=at, target="z", steps=8, limit=8)
        assert whole.start == 0
        monkeypatch.setattr("tidegate.lens.tasks.reasons.series_decisions.MAX_STEPS", 7)
        made = what_decided(run, 0, part="test", at=at, target="z", steps=8, limit=8)
        monkeypatch.undo()
        assert (made.start, len(made.erased), made.places) == (max(0, at - 6), 7, whole.places)
        assert made.value == pytest.approx(whole.value, abs=1e-5)
        own = slice(made.start, made.start + 7)
        np.testing.assert_allclose(made.erased, whole.erased[own], atol=1e-5)
        np.testing.assert_allclose(made.gradient_input, whole.gradient_input[own], atol=1e-5)


def test_a_tag_is_due_to_the_bracket_that_was_opened(tmp_path: Path) -> None:
    run = planted(tmp_path, 0)
    made = what_decided(run, ["a", "b", "(", "c", "d", ")", "a"], at=4)
    assert (made.target, made.place_of_largest) == ("IN", 2)
    assert made.erased[5] == made.erased[6] == made.gradient_input[6] == 0  # not read yet


def test_a_token_is_attributed_to_the_source(tmp_path: Path) -> None:
    _, run = translator(tmp_path)
    look = look_at(run, "ab12")
    assert isinstance(look, WriterLook)
    choices = look.steps["target"].choices
    assert choices is not None
    for at, token in enumerate(look.written[:2]):
        made = what_decided(run, "ab12", at=at, target=token)
        assert made.value == pytest.approx(np.log(choices.probabilities[at, choices.labels.index(token)]), abs=1e-4)
        assert made.complete
        assert made.read == tuple("ab12")


def test_what_cannot_be_attributed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, run = translator(tmp_path)
    with pytest.raises(ArgumentError, match="at=99: there are"):
        what_decided(run, "ab12", at=99)
    with pytest.raises(ArgumentError, match="There is no 'q': choose one of"):
        what_decided(run, "ab12", target="q")
    with pytest.raises(ArgumentError, match="both 'a': give another choice"):
        what_decided(run, "ab12", target="a", against="a")
    look = replace(task_look(run), decisions=None)  # type: ignore[type-var]
    monkeypatch.setattr("tidegate.lens.tasks.reasons.what_decided.task_look", lambda run: look)
    with pytest.raises(ArgumentError, match="does not say what it decides: its look has no `decisions`"):
        what_decided(run, "ab12")


@pytest.mark.parametrize("scheme", ["plain", "BIO"])
def test_a_tag_of_a_whole_sequence_is_its_marginal(tmp_path: Path, scheme: Any) -> None:
    (tmp_path / "tag.conll").write_text("a B-P\nb I-P\nc O\n\nb O\na B-Q\n\nc I-Q\n" if scheme == "plain" else
                                        "a B-P\nb I-P\nc O\n\nb O\na B-Q\n")  # fmt: skip
    config = TagConfig(
        hidden_size=3, embedding_size=4, character_hidden_size=0, crf=True, valid_spans=scheme != "plain",
        scheme=scheme, min_count=1, dropout=0.0,
    )  # fmt: skip
    _, run = tiny_run(TagTask, [tmp_path / "tag.conll"], config)
    with torch.no_grad():
        run.model.crf.transitions.normal_()
    words = ["b", "a", "c", "b"]
    choices = look_at(run, words).steps["input"].choices
    assert choices is not None
    for at in (0, 2, 3):
        made = what_decided(run, words, at=at)
        shares = choices.probabilities[at]
        assert dict(made.choices) == pytest.approx(dict(zip(choices.labels, shares.tolist(), strict=True)), abs=1e-5)
        assert made.value == pytest.approx(np.log(shares.max()), abs=1e-5)
        assert "marginal" in made.meaning


def test_a_token_is_attributed_to_the_regions_of_an_image(tmp_path: Path) -> None:
    _, run = captioner(tmp_path)
    image = np.linspace(-1, 2, 6)
    look = look_at(run, image)
    assert isinstance(look, WriterLook)
    last = len(look.written) - 1
    made = what_decided(run, image, at=last, target=look.written[last])
    choices = look.steps["target"].choices
    assert choices is not None
    at = choices.labels.index(look.written[last])
    assert made.value == pytest.approx(np.log(choices.probabilities[last, at]), abs=1e-4)
    assert made.grid == (1, 6)
    assert (made.read[3], made.places) == ("row 1, column 4", len(look.written))
    mean = np.array(run.vocabulary.numbers("mean"))
    model, tokens = run.model, torch.from_numpy(run.vocabulary.vocabulary("target").encode(look.written))[None]
    for n in range(6):
        without = np.where(np.arange(6) == n, mean, image)
        first = model.begin({"image": Padded(torch.tensor(without[None, None], dtype=torch.float32), None)}).first  # type: ignore[arg-type]
        with torch.no_grad():
            features, _ = model.decoder.features(model.decoder.inputs(first, tokens), None, None)
            log = model.decoder.output(features)[0, last].log_softmax(-1)[at]
        assert made.erased[n] == pytest.approx(made.value - float(log), abs=1e-4)


@pytest.mark.parametrize("distribution", ["gaussian", "quantiles", "negative_binomial"])
def test_what_is_forecast_is_due_to_the_steps_before(tmp_path: Path, distribution: Any) -> None:
    steps = np.arange(160)
    columns = {name: (10 + 5 * np.cos(steps / 3 + n)).round() for n, name in enumerate("ab")}
    pd.DataFrame(columns | {"k": steps % 4}).to_csv(tmp_path / "series.csv", index=False)
    config = ForecastConfig(
        hidden_size=5, horizon=4, window=12, paths=5, target="a,b", covariates="k", distribution=distribution
    )
    _, run = tiny_run(ForecastTask, [tmp_path / "series.csv"], config, shares=(0.5, 0.0, 0.5))
    each = [what_decided(run, 3, part="test", at=at, target="b", limit=8) for at in range(4)]
    assert all((len(it.integrated), it.places, it.read) == (12, 4, ()) for it in each)
    # The same in one pass over the frames, with what was forecast in place of what came.
    part = run.open_data().parts["test"]
    frames = np.array(part.rows([3])["frames"][0])
    for at in range(4):
        frames[12 + at, :2] = [what_decided(run, 3, part="test", at=at, target=it, limit=8).value for it in "ab"]
    model = run.model
    with torch.no_grad():
        given, _ = model(inputs(torch.from_numpy(frames)[None], model.past), torch.tensor([15]))
    centre = given[0, 11:, :, 0]
    if distribution == "negative_binomial":
        centre = torch.nn.functional.softplus(centre)
    reach = np.array([it.numbers("reach", 1)[0] for it in by_target(run.vocabulary).values()])
    expected = np.clip(centre.numpy(), frames[11, :2] - reach, frames[11, :2] + reach)
    np.testing.assert_allclose(frames[12:, :2], expected, atol=1e-4)
    frames[7, :2] = 0
    with torch.no_grad():
        given, _ = model(inputs(torch.from_numpy(frames[:13])[None], model.past), torch.tensor([12]))
    without = given[0, 11, 1, 0]
    without = torch.nn.functional.softplus(without) if distribution == "negative_binomial" else without
    assert each[0].erased[7] == pytest.approx(each[0].value - float(without), abs=1e-4)
