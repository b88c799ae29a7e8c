"""Attribution of decisions: gradients by autograd, integrals by the midpoint rule, a linear model by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.lens.tasks.planted import planted
from tests.lens.tasks.test_task_subjects import captioner, regressor, translator
from tests.lens.tasks.tiny import tiny_run

from tidegate.errors import ArgumentError
from tidegate.lens.tasks import WriterLook, look_at, what_decided
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
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


def test_what_cannot_be_attributed_is_refused(tmp_path: Path) -> None:
    _, run = translator(tmp_path)
    with pytest.raises(ArgumentError, match="at=99: there are"):
        what_decided(run, "ab12", at=99)
    with pytest.raises(ArgumentError, match="There is no 'q': choose one of"):
        what_decided(run, "ab12", target="q")
    with pytest.raises(ArgumentError, match="both 'a': give another choice"):
        what_decided(run, "ab12", target="a", against="a")
    (tmp_path / "c").mkdir()
    _, run = captioner(tmp_path / "c")
    with pytest.raises(ArgumentError, match="cannot be attributed to steps; those of classifiers"):
        what_decided(run, np.zeros(6))
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "tag.conll").write_text("a X\nb Y\n\nb Y\n")
    config = TagConfig(hidden_size=3, embedding_size=4, character_hidden_size=0, crf=True, min_count=1)
    _, run = tiny_run(TagTask, [tmp_path / "t" / "tag.conll"], config)
    with pytest.raises(ArgumentError, match="decides on whole sequences"):
        what_decided(run, ["a", "b"])
