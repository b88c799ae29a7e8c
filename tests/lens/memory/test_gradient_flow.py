"""The flow through a language model and a probe, and that curves separate cells as theory says."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.errors import ArgumentError
from tidegate.lens import read
from tidegate.lens.interventions.intervention import ablate, intervened_model, set_to
from tidegate.lens.memory.gradient_flow import Flow, gradient_flow, probe_flow
from tidegate.tasks.probe.task import Probe, ProbeConfig
from tidegate.text import CharacterTokenizer
from tidegate.text.model import LanguageModel, LanguageModelConfig

TOKENIZER = CharacterTokenizer("\n abcde")
TEXT = "abc de\nbad cab, dead bee".replace(",", "")


def model_of(**options: Any) -> LanguageModel:
    torch.manual_seed(0)
    options = {"hidden_size": 5, **options}
    return LanguageModel(LanguageModelConfig(TOKENIZER.vocabulary_size, **options), backend="reference").double().eval()


def test_the_whole_triangle_of_a_text():
    model = model_of(num_layers=2)
    flow = gradient_flow(model, TOKENIZER, TEXT, targets=range(len(TEXT) - 1))
    steps = len(TEXT) - 1
    assert set(flow.norms) == {(0, "h"), (0, "c"), (1, "h"), (1, "c")}
    for norms in flow.norms.values():
        assert norms.shape == (steps, steps)
        later = np.triu(np.ones((steps, steps), bool), 1)
        assert (norms[later] == 0).all()
        assert (norms[~later] > 0).all()
    assert "".join(flow.labels) == TEXT[:-1]
    np.testing.assert_array_equal(flow.distances, np.arange(steps))
    np.testing.assert_array_equal(flow.counts, np.arange(steps, 0, -1))


def test_tokens_give_the_same_as_their_text():
    model = model_of()
    of_text, of_units = gradient_flow(model, TOKENIZER, TEXT), gradient_flow(model, TOKENIZER, TOKENIZER.encode(TEXT))
    np.testing.assert_array_equal(of_text.norms[0, "c"], of_units.norms[0, "c"])
    assert of_units.labels == of_text.labels


def test_losses_are_those_of_reading():
    model = model_of()
    flow = gradient_flow(model, TOKENIZER, TEXT, targets=[3, 11])
    assert flow.targets.tolist() == [3, 11]
    np.testing.assert_allclose(flow.losses, -read(model, TOKENIZER, TEXT).log_p[[4, 12]], rtol=1e-5)


EDITS = {"f shut": [set_to(0, "f", unit, 0.0) for unit in range(5)], "one c": [ablate(1, "c", 3)]}


@pytest.mark.parametrize("interventions", EDITS.values(), ids=EDITS)
def test_with_interventions_losses_are_those_of_reading_and_gradients_are_differences(interventions):
    model = model_of(num_layers=2)
    held = intervened_model(model, interventions)
    flow = gradient_flow(held, TOKENIZER, TEXT, targets=[3, 11])
    np.testing.assert_allclose(flow.losses, -read(held, TOKENIZER, TEXT).log_p[[4, 12]], rtol=1e-5)
    # By differences: the last layer's h after step 8 is moved, and the rest is read on.
    ids = torch.from_numpy(TOKENIZER.encode("\n" + TEXT))[None]
    slopes: list[float] = []
    with torch.no_grad():
        _, (h, c) = held(ids[:, :10])
        for unit in range(5):
            ends: list[float] = []
            for move in (1e-6, -1e-6):
                moved = h.clone()
                moved[1, 0, unit] += move
                ends.append(-float(held(ids[:, 10:13], (moved, c))[0][0, -1].log_softmax(-1)[ids[0, 13]]))
            slopes.append((ends[0] - ends[1]) / 2e-6)
    np.testing.assert_allclose(flow.norms[1, "h"][1, 8], np.linalg.norm(slopes), rtol=1e-5)
    plain = gradient_flow(model, TOKENIZER, TEXT, targets=[3, 11])
    assert np.abs(flow.norms[0, "h"] - plain.norms[0, "h"]).max() > 1e-4 * plain.norms[0, "h"].max()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gradients_are_those_of_a_loop_with_retained_gradients(cell):
    model = model_of(cell=cell, embedding_size=4)
    layer, target = model.recurrent, 9
    ids = torch.from_numpy(TOKENIZER.encode(TEXT))
    newline = torch.from_numpy(TOKENIZER.encode("\n"))
    peer = (nn.LSTMCell if cell == "lstm" else nn.GRUCell)(4, 5, dtype=torch.float64)
    with torch.no_grad():
        peer.weight_ih.copy_(layer.get_parameter("weight_ih_l0"))
        peer.weight_hh.copy_(layer.get_parameter("weight_hh_l0"))
        peer.bias_ih.copy_(layer.get_parameter("bias_l0"))
        peer.bias_hh.zero_()
        if cell == "gru":
            peer.bias_hh[-5:] = layer.get_parameter("bias_hh_l0")
    state: Any = None
    outputs = []
    for unit in torch.cat([newline, ids[: target + 1]]):
        state = peer(model.embed(unit[None]), state)
        outputs.append(state[0] if cell == "lstm" else state)
        outputs[-1].retain_grad()
    (-model.output(outputs[-1]).log_softmax(-1)[0, ids[target + 1]]).backward()
    found = gradient_flow(model, TOKENIZER, TEXT, targets=[target]).norms[0, "h"][0]
    expected = [float(it.grad.norm()) for it in outputs[1:]]
    np.testing.assert_allclose(found[: target + 1], expected, rtol=1e-8)


def test_many_targets_are_cut_into_rows_and_put_together_again():
    model, text = model_of(), TEXT * 4
    whole = gradient_flow(model, TOKENIZER, text, targets=range(70))
    for target in (0, 31, 32, 69):
        alone = gradient_flow(model, TOKENIZER, text, targets=[target])
        np.testing.assert_allclose(whole.norms[0, "c"][target], alone.norms[0, "c"][0], rtol=1e-9)
        assert whole.losses[target] == pytest.approx(alone.losses[0])


def test_targets_by_default_reach_half_the_text():
    flow = gradient_flow(model_of(), TOKENIZER, TEXT * 3)
    steps = len(TEXT) * 3 - 1
    assert len(flow.targets) == 16
    assert (flow.targets[0], flow.targets[-1]) == (steps // 2, steps - 1)
    assert (flow.counts[: steps // 2 + 1] == 16).all()
    assert gradient_flow(model_of(), TOKENIZER, "ab").targets.tolist() == [0]


def test_curves_are_means_over_targets_by_distance():
    norms = np.array([[4.0, 2.0, 0.0, 0.0], [1.0, 3.0, 5.0, 8.0]])
    flow = Flow(np.array([1, 3]), np.zeros(2), {(0, "h"): norms})
    np.testing.assert_array_equal(flow.curve(0, "h"), [(2 + 8) / 2, (4 + 5) / 2, 3, 1])
    np.testing.assert_array_equal(flow.counts, [2, 2, 1, 1])
    assert flow.decay(0, "h").half_life == pytest.approx(1 + math.log(3 / 2.25) / math.log(3))
    with pytest.raises(ArgumentError, match=r"\(0, 'c'\): there are \(0, 'h'\)"):
        flow.curve(0, "c")


def test_the_model_is_left_as_it_was():
    model = model_of(dropout=0.5, num_layers=2)
    model.train()
    one, other = (gradient_flow(model, TOKENIZER, TEXT) for _ in range(2))
    assert model.training
    assert all(it.grad is None for it in model.parameters())
    np.testing.assert_array_equal(one.norms[0, "h"], other.norms[0, "h"])


@pytest.mark.parametrize("targets", [[], [-1], [len(TEXT) - 1], [3, 3]])
def test_targets_outside_the_text_raise(targets):
    with pytest.raises(ArgumentError, match=r"targets should be different steps of 0 \.\. "):
        gradient_flow(model_of(), TOKENIZER, TEXT, targets=targets)


def test_a_text_of_one_token_raises():
    with pytest.raises(ArgumentError, match="at least two, one to read"):
        gradient_flow(model_of(), TOKENIZER, "a")


@pytest.mark.parametrize("forget_bias", [1.0, 2.0])
def test_where_only_the_forget_gate_acts_the_cell_state_decays_at_its_rate(forget_bias):
    # No recurrent product, no input: what is left of the LSTM is c_t = σ(bias) c_{t-1}.
    model = model_of(forget_bias=forget_bias)
    with torch.no_grad():
        model.recurrent.get_parameter("weight_hh_l0").zero_()
        model.recurrent.get_parameter("weight_ih_l0").zero_()
    decay = gradient_flow(model, TOKENIZER, TEXT * 3, targets=[66]).decay(0, "c")
    assert decay.fitted == 66
    assert decay.rate == pytest.approx(1 / (1 + math.exp(-forget_bias)), rel=1e-9)
    assert decay.r2 == pytest.approx(1)


def probe_of(cell: str, features: int, outputs: int) -> Probe:
    torch.manual_seed(0)
    return Probe(ProbeConfig(cell=cell, hidden_size=5, num_layers=2), features, outputs, backend="reference").double()


@pytest.mark.parametrize("kind", ["numbers", "classes"])
def test_the_last_answer_of_a_probe_sends_gradients_back(kind):
    model = probe_of("gru", 3, 1 if kind == "numbers" else 4)
    frames = torch.randn(2, 7, 3, dtype=torch.float64)
    targets = torch.full((2, 7), math.nan, dtype=torch.float64) if kind == "numbers" else torch.full((2, 7), -1)
    targets[0, 2], targets[0, 4], targets[1, 6] = 1, 3, 2
    flow = probe_flow(model, frames, targets)
    assert flow.targets.tolist() == [4, 6]
    said = model(frames, torch.tensor([7, 7]))[[0, 1], [4, 6]]
    truth = torch.tensor([3, 2])
    losses = (
        (said[:, 0] - truth) ** 2 if kind == "numbers" else nn.functional.cross_entropy(said, truth, reduction="none")
    )
    np.testing.assert_allclose(flow.losses, losses.detach(), rtol=1e-9)
    # The top layer's h_t is what the answer is made of: dL/dh_t is the output layer's own.
    output, weight = said.detach(), model.output.weight.detach()
    if kind == "numbers":
        own = 2 * (output[:, 0] - truth)[:, None] * weight
    else:
        own = (output.softmax(-1) - torch.eye(4, dtype=torch.float64)[truth]) @ weight
    np.testing.assert_allclose(flow.norms[1, "h"][[0, 1], [4, 6]], own.norm(dim=1), rtol=1e-9)
    assert (flow.norms[0, "h"][0, 5:] == 0).all()


def test_a_probe_that_asks_nothing_is_refused():
    frames = torch.zeros(2, 7, 3, dtype=torch.float64)
    targets = torch.full((2, 7), -1)
    targets[0, 3] = 0
    with pytest.raises(ArgumentError, match="should ask something"):
        probe_flow(probe_of("lstm", 3, 4), frames, targets)
    with pytest.raises(ArgumentError, match=r"given \(2, 7, 3\) and \(2, 3\)"):
        probe_flow(probe_of("lstm", 3, 4), frames, targets[:, :3])
