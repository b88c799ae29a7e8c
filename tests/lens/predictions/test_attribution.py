"""What mattered for one prediction, against autograd, finite differences and the model run again."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.lens import read
from tidegate.lens.predictions.attribution import what_mattered
from tidegate.text import ByteTokenizer, CharacterTokenizer
from tidegate.text.model import LanguageModel, LanguageModelConfig

TOKENIZER = CharacterTokenizer("\nabcdef")
TEXT = "abcdefabfcdaebcdfabcedf" * 3
CELLS = ("lstm", "gru", "rnn_tanh", "mgu")


def model_of(
    cell: str = "lstm", size: int = 7, scale: float = 1.5, backend: str | None = "reference", **options: Any
) -> LanguageModel:
    """In plain PyTorch where kernels are not the point: compiling them takes longer than the test."""
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(size, cell, hidden_size=5, **options), backend=backend).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)  # away from the linear: random weights of the usual size matter little
    return model


def log_p(model: LanguageModel, ids: list[int], target: int) -> float:
    """log p(target | a newline, then ids), by the whole model at once."""
    with torch.no_grad():
        logits, _ = model(torch.tensor([[0, *ids]]))
    return float(logits[0, -1].double().log_softmax(-1)[target])


@pytest.mark.parametrize(
    ("cell", "embedding", "layers", "backend"),
    [pytest.param("lstm", None, 1, None, marks=pytest.mark.slow), ("gru", 3, 2, "reference")],
)
def test_the_gradient_is_autograds_through_the_equations(
    cell: str, embedding: int | None, layers: int, backend: str | None
) -> None:
    model = model_of(cell, embedding_size=embedding, num_layers=layers, backend=backend).double()
    found = what_mattered(model, TOKENIZER, TEXT, 33, window=7)
    model.recurrent.backend = "reference"
    ids = torch.from_numpy(TOKENIZER.encode("\n" + TEXT[:33]))
    inputs = model.embed(ids).detach()

    def value(last: Tensor) -> Tensor:
        output, _ = model.recurrent(torch.cat([inputs[:27], last])[:, None])
        return model.output(output[-1, 0]).log_softmax(-1)[found.target]

    last = inputs[27:].clone().requires_grad_()
    (slope,) = torch.autograd.grad(value(last), last)
    np.testing.assert_allclose(found.gradient, slope.norm(dim=-1), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found.gradient_input, (slope * last).sum(-1).detach(), rtol=1e-6, atol=1e-12)
    step = 1e-6
    for n in (0, 3, 6):
        moved = last.detach().clone()
        moved[n] *= 1 + step
        less = last.detach().clone()
        less[n] *= 1 - step
        difference = float((value(moved) - value(less)).detach()) / (2 * step)
        assert found.gradient_input[n] == pytest.approx(difference, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("baseline", ["zero", "mean"])
@pytest.mark.parametrize("embedding", [None, 3])
def test_integrated_gradients_are_complete_to_one_percent(cell: str, baseline: Any, embedding: int | None) -> None:
    model = model_of(cell, scale=3.0, embedding_size=embedding)
    for at in (1, 7, 63):
        found = what_mattered(model, TOKENIZER, TEXT, at, baseline=baseline)
        whole = found.log_p - found.baseline_log_p
        assert found.complete
        assert abs(found.integrated.sum() - whole) <= 0.01 * abs(whole)
        assert found.residual == pytest.approx(found.integrated.sum() - whole)
        assert found.completeness == pytest.approx(1, abs=0.01)
        assert found.log_p == pytest.approx(float(read(model, TOKENIZER, TEXT).log_p[at]), abs=1e-5)


def test_the_baselines_log_p_is_that_of_the_baselines_vectors() -> None:
    model = model_of(embedding_size=3)
    found = what_mattered(model, TOKENIZER, TEXT, 7, baseline="mean")
    vectors = model.embedding.weight.mean(0).expand(7, 3)  # type: ignore[union-attr]
    with torch.no_grad():
        whole = torch.cat([model.embed(torch.tensor([0])), vectors])
        output, _ = model.recurrent(whole[:, None])
        expected = model.output(output[-1, 0]).log_softmax(-1)[found.target]
    assert found.baseline_log_p == pytest.approx(float(expected), abs=1e-5)


def test_on_a_model_that_is_nearly_linear_all_measures_agree() -> None:
    # With tiny weights tanh is the identity and log p linear in the inputs: the attribution of a unit is then its
    # own term, whichever way it is asked for.
    model = model_of("rnn_tanh", scale=0.02).double()
    found = what_mattered(model, TOKENIZER, TEXT, 7, erasure="baseline")
    np.testing.assert_allclose(found.integrated, found.gradient_input, rtol=1e-3, atol=1e-10)
    np.testing.assert_allclose(found.integrated, found.erased, rtol=1e-3, atol=1e-10)
    assert found.rank_correlations()["integrated", "erased"] == pytest.approx(1)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_erasure_is_the_model_run_again_without_the_unit(cell: str) -> None:
    model = model_of(cell)
    ids = TOKENIZER.encode(TEXT).tolist()
    found = what_mattered(model, TOKENIZER, TEXT, 33, window=7, target="c")
    whole = log_p(model, ids[:33], found.target)
    expected = [whole - log_p(model, ids[:n] + ids[n + 1 : 33], found.target) for n in range(26, 33)]
    np.testing.assert_allclose(found.erased, expected, atol=2e-6)
    replaced = what_mattered(model, TOKENIZER, TEXT, 33, window=7, target="c", erasure="baseline")
    assert not np.allclose(replaced.erased, found.erased, atol=1e-4)
    vectors = model.embed(torch.tensor([0, *ids[:33]]))
    vectors[30] = 0  # the newline stands before: unit 29
    with torch.no_grad():
        output, _ = model.recurrent(vectors[:, None])
        without = model.output(output[-1, 0]).log_softmax(-1)[found.target]
    assert replaced.erased[3] == pytest.approx(whole - float(without), abs=2e-6)


def test_erasing_the_only_token_leaves_the_one_before_the_window() -> None:
    model = model_of()
    ids = TOKENIZER.encode(TEXT).tolist()
    for at in (1, 9):
        found = what_mattered(model, TOKENIZER, TEXT, at, window=1)
        expected = log_p(model, ids[:at], ids[at]) - log_p(model, ids[: at - 1], ids[at])
        np.testing.assert_allclose(found.erased, [expected], atol=2e-6)
        assert (found.start, found.pieces) == (at - 1, (TEXT[at - 1],))


def test_many_variants_are_run_in_parts_to_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = what_mattered(model_of(), TOKENIZER, TEXT, 40)
    monkeypatch.setattr("tidegate.lens.predictions.attribution_paths.ROOM", 1000)
    parts = what_mattered(model_of(), TOKENIZER, TEXT, 40)
    for name in ("gradient", "gradient_input", "integrated", "erased"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-5)


def test_a_jump_on_the_path_is_found_by_halving_up_to_the_limit() -> None:
    model = model_of(scale=12.0)  # gates that switch: the gradient is almost nothing but in a few places of the path
    found = what_mattered(model, TOKENIZER, TEXT, 20, steps=8)
    assert found.complete
    assert found.steps > 8
    short = what_mattered(model, TOKENIZER, TEXT, 20, steps=8, limit=8)
    assert not short.complete
    assert short.steps == 8
    assert abs(short.residual) > 0.01 * abs(short.log_p - short.baseline_log_p)


def test_rank_correlations_are_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    found = what_mattered(model_of(), TOKENIZER, TEXT, 30)
    for (a, b), value in found.rank_correlations().items():
        x, y = getattr(found, a), getattr(found, b)
        if a == "gradient":
            x, y = np.abs(x), np.abs(y)
        assert value == pytest.approx(stats.spearmanr(x, y)[0])
    assert all(np.isnan(it) for it in what_mattered(model_of(), TOKENIZER, TEXT, 1).rank_correlations().values())


def test_bytes_and_a_target_after_the_end() -> None:
    tokenizer = ByteTokenizer()
    found = what_mattered(model_of(size=256), tokenizer, "abcä", 5, target="e")
    assert found.target == ord("e")
    assert "".join(found.pieces) == "abcä"
    assert len(found.integrated) == 5


def test_the_model_is_left_as_it_was_and_dropout_is_off() -> None:
    model = model_of(dropout=0.5, num_layers=2, embedding_size=3).train()
    first, second = (what_mattered(model, TOKENIZER, TEXT, 20) for _ in range(2))
    np.testing.assert_array_equal(first.integrated, second.integrated)
    assert model.training
    assert all(a.grad is None for a in model.parameters())


def test_invalid_arguments_raise() -> None:
    model = model_of()
    for change, part in [
        (dict(at=0), "no token before 0"),
        (dict(at=len(TEXT) + 1), f"{len(TEXT)} tokens"),
        (dict(at=len(TEXT)), "give the token whose probability"),
        (dict(target="ab"), "one character"),
        (dict(target=7), "0 to 6"),
        (dict(window=0), "window=0"),
        (dict(baseline="other"), "zero or mean"),
        (dict(erasure="other"), "delete or baseline"),
    ]:
        arguments: dict[str, Any] = dict(at=9) | change
        with pytest.raises(ArgumentError, match=part):
            what_mattered(model, TOKENIZER, TEXT, **arguments)


def test_the_window_moves_with_the_place() -> None:
    found = [what_mattered(model_of(), TOKENIZER, TEXT, at, window=5) for at in (3, 5, 12)]
    assert [it.start for it in found] == [0, 0, 7]
    assert ["".join(it.pieces) for it in found] == [TEXT[:3], TEXT[:5], TEXT[7:12]]
    assert all(len(a.ids) <= len(b.ids) for a, b in pairwise(found))
