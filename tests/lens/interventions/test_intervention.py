"""Edits: against a NumPy LSTM in which the edited values are overwritten at every step."""

import copy
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tidegate.cells import intervened
from tidegate.errors import ArgumentError
from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import (
    Intervention,
    ablate,
    checked_interventions,
    clamp,
    intervened_model,
    set_to,
    swap,
    with_interventions,
)
from tidegate.lens.record.reading import read
from tidegate.nn import LSTM
from tidegate.text import CharacterTokenizer
from tidegate.text.generation import generate
from tidegate.text.model import LanguageModel, LanguageModelConfig

LETTERS = 'abcd ()"\n'
TEXT = 'ab (cd "a b" d)\nbad (a) c\n\n"(" add cab "b c d" (a b) d\ncab add a'
WIDTH = 5

Array = NDArray[np.float64]
Overwrite = Callable[[int, int, str, Array], Array]
"""From the step, the layer, the name and a value to the value instead."""


def model_of(**options: Any) -> tuple[LanguageModel, CharacterTokenizer]:
    tokenizer = CharacterTokenizer(LETTERS)
    torch.manual_seed(1)
    options = {"hidden_size": WIDTH, "num_layers": 2} | options
    model = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, **options)).double().eval()
    with torch.no_grad():
        for it in model.parameters():
            it.mul_(3)  # so that an edit shows
    return model, tokenizer


def numpy_lstm(
    model: LanguageModel, ids: NDArray[np.int64], overwrite: Overwrite = lambda t, layer, name, value: value
) -> tuple[Array, list[dict[tuple[int, str], Array]]]:
    """log p of the unit after each of ``ids``, (N, V), and all values of every step; the LSTM written out."""
    own = {name: it.detach().numpy() for name, it in model.named_parameters()}
    layers = range(model.config.num_layers)
    states = {(layer, name): np.zeros(WIDTH) for layer in layers for name in "hc"}
    rows, kept = [], []
    for t, unit in enumerate(ids):
        x = np.eye(len(own["output.bias"]))[unit]
        values: dict[tuple[int, str], Array] = {}
        for layer in layers:

            def made(name: str, value: Array, layer: int = layer, t: int = t) -> Array:
                values[layer, name] = overwrite(t, layer, name, value)  # noqa: B023
                return values[layer, name]  # noqa: B023

            w, u, b = (own[f"recurrent.{name}_l{layer}"] for name in ("weight_ih", "weight_hh", "bias"))
            z = (w @ x + u @ states[layer, "h"] + b).reshape(4, WIDTH)
            i, f, o = (made(name, 1 / (1 + np.exp(-z[k]))) for name, k in (("i", 0), ("f", 1), ("o", 3)))
            g = made("g", np.tanh(z[2]))
            states[layer, "c"] = made("c", f * states[layer, "c"] + i * g)
            states[layer, "h"] = made("h", o * np.tanh(states[layer, "c"]))
            x = states[layer, "h"]
        logits = own["output.weight"] @ x + own["output.bias"]
        rows.append(logits - np.log(np.exp(logits).sum()))
        kept.append(values)
    return np.array(rows), kept


def held(interventions: list[Intervention]) -> Overwrite:
    def overwrite(t: int, layer: int, name: str, value: Array) -> Array:
        value = value.copy()
        for it in interventions:
            if (it.layer, it.name) == (layer, name):
                value[it.unit] = np.clip(value[it.unit], it.low, it.high)
        return value

    return overwrite


EDITS = {
    "cut c": [ablate(1, "c", 3)],
    "cut h in the first layer": [ablate(0, "h", 0)],
    "force": [set_to(1, "c", 2, 1.5), set_to(1, "f", 2, 0.25)],
    "clamp": [clamp(1, "h", 4, -0.1, float("inf")), clamp(1, "o", 1, 0.3, 0.4)],
    "both layers": [ablate(0, "c", 1), set_to(1, "g", 4, -1.0)],
}


@pytest.mark.parametrize("name", EDITS)
def test_an_intervened_model_is_a_numpy_lstm_with_values_overwritten(name: str):
    model, tokenizer = model_of()
    interventions = EDITS[name]
    ids = tokenizer.encode(TEXT)
    changed = intervened_model(model, interventions)
    expected, values = numpy_lstm(model, ids, held(interventions))
    logits, _, traced = changed.trace(torch.from_numpy(ids)[None])
    np.testing.assert_allclose(logits[0].log_softmax(-1).detach(), expected, rtol=1e-9, atol=1e-11)
    for layer in range(2):
        for gate, own in traced[layer, 0].items():
            np.testing.assert_allclose(own[:, 0].detach(), [it[layer, gate] for it in values], rtol=1e-9, atol=1e-11)
    plain = numpy_lstm(model, ids)[0]
    assert np.abs(plain - expected).max() > 1e-3
    np.testing.assert_allclose(
        model(torch.from_numpy(ids)[None])[0][0].log_softmax(-1).detach(), plain, rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("chunk", [1024, 7])
@pytest.mark.parametrize("name", [*EDITS, "swap", "swap and cut"])
def test_effect_is_the_numpy_lstms(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.import_module("tidegate.lens.interventions.effect"), "CHUNK", chunk)
    model, tokenizer = model_of()
    ids = tokenizer.encode(TEXT)
    read_first = np.concatenate([tokenizer.encode("\n"), ids])
    plain, values = numpy_lstm(model, read_first)

    def exchanged(interventions: tuple[Intervention, ...]) -> Overwrite:
        others = [it for it in interventions if it.other is None]

        def overwrite(t: int, layer: int, name: str, value: Array) -> Array:
            value = held(others)(t, layer, name, value)
            for it in interventions:
                if it.other is not None and (it.layer, it.name) == (layer, name):
                    value[[it.unit, it.other]] = values[t][layer, name][[it.other, it.unit]]
            return value

        return overwrite

    interventions = {**EDITS, "swap": [swap(1, "c", 0, 3)], "swap and cut": [swap(0, "h", 4, 1), ablate(1, "c", 0)]}[
        name
    ]
    told = effect(model, tokenizer, TEXT, interventions, controls=2)
    truth = np.arange(len(ids)), ids
    np.testing.assert_allclose(told.log_p_before, plain[:-1][truth], rtol=1e-5, atol=1e-6)
    after = numpy_lstm(model, read_first, exchanged(told.interventions))[0][:-1][truth]
    np.testing.assert_allclose(told.log_p_after, after, rtol=1e-5, atol=1e-6)
    for control, log_p in zip(told.controls, told.log_p_controls, strict=True):
        after = numpy_lstm(model, read_first, exchanged(control))[0][:-1][truth]
        np.testing.assert_allclose(log_p, after, rtol=1e-5, atol=1e-6)
    assert np.abs(told.log_p_after - told.log_p_before).max() > 1e-3


@pytest.mark.parametrize("options", [{}, {"cell": "gru", "num_layers": 1, "embedding_size": 4}, {"cell": "rnn_tanh"}])
def test_effect_agrees_with_reading_by_the_intervened_model(options: dict[str, Any]):
    model, tokenizer = model_of(**options)
    interventions = [ablate(0, "h", 2)]
    told = effect(model, tokenizer, TEXT, interventions, controls=1)
    np.testing.assert_allclose(told.log_p_before, read(model, tokenizer, TEXT, names=()).log_p, rtol=1e-5, atol=1e-6)
    changed = read(intervened_model(model, interventions), tokenizer, TEXT, names=())
    np.testing.assert_allclose(told.log_p_after, changed.log_p, rtol=1e-5, atol=1e-6)
    again = effect(intervened_model(model, [ablate(0, "h", 1)]), tokenizer, TEXT, interventions, controls=1)
    both = read(
        intervened_model(intervened_model(model, [ablate(0, "h", 1)]), interventions), tokenizer, TEXT, names=()
    )
    np.testing.assert_allclose(again.log_p_after, both.log_p, rtol=1e-5, atol=1e-6)
    assert np.abs(both.log_p - changed.log_p).max() > 1e-3


def test_effect_by_class():
    model, tokenizer = model_of()
    classes = {"all": ".|\n", "a": "a", "upper": str.isupper, "after a bracket": r"(?<=\()."}
    told = effect(model, tokenizer, TEXT, ablate(1, "c", 0), classes=classes, controls=3)
    assert list(told.classes) == ["all", "a", "after a bracket"]  # no capital letter in this text
    which = np.array([it == "a" for it in TEXT])
    own = told.classes["a"]
    assert own.count == TEXT.count("a")
    assert own.before == pytest.approx(-told.log_p_before[which].mean())
    assert own.after == pytest.approx(-told.log_p_after[which].mean())
    assert own.change == own.after - own.before
    changes = -(told.log_p_controls - told.log_p_before)[:, which].mean(1)
    assert own.control_mean == pytest.approx(changes.mean(), abs=1e-6)
    assert own.control_worst == pytest.approx(changes.max(), abs=1e-6)
    assert told.classes["all"].change == pytest.approx(told.whole.change)
    assert told.classes["after a bracket"].count == TEXT.count("(") - TEXT.count("(\n")
    assert "unit 1/0 (c) held at 0: nats per character" in str(told)
    assert len(str(told).splitlines()) == 2 + 1 + 3


def test_controls_are_other_units_each_once():
    model, tokenizer = model_of(hidden_size=9)
    told = effect(model, tokenizer, TEXT, [ablate(1, "c", 0), set_to(1, "h", 0, 0.5), swap(0, "c", 1, 2)], controls=3)
    assert len(told.controls) == 3
    seen: set[tuple[int, int]] = {(1, 0), (0, 1), (0, 2)}
    for control in told.controls:
        assert [(it.layer, it.name, it.low, it.high, len(it.hidden_units)) for it in control] == [
            (it.layer, it.name, it.low, it.high, len(it.hidden_units)) for it in told.interventions
        ]
        assert control[0].unit == control[1].unit  # one unit it was, one unit it stays
        used = {(it.layer, unit) for it in control for unit in it.hidden_units}
        assert not used & seen
        seen |= used
    same = effect(model, tokenizer, TEXT, told.interventions, controls=3)
    assert same.controls == told.controls
    assert len(effect(model, tokenizer, TEXT, ablate(0, "c", 0), controls=50).controls) == 8


@pytest.mark.parametrize("options", [{"tie_weights": True, "embedding_size": WIDTH}, {"cell": "gru"}])
def test_the_given_model_stays_as_it_is_and_weights_are_shared(options: dict[str, Any]):
    model, tokenizer = model_of(**options)
    model.train()
    before = copy.deepcopy(model)
    changed = intervened_model(model, ablate(1, "h", 0)).eval()
    assert model.training
    assert all(it.training for it in model.modules())
    assert not model.recurrent.layer_cells
    assert model.recurrent.layer_cell(1) is model.cell
    assert changed.recurrent.layer_cell(0) is model.cell
    assert [id(it) for it in changed.parameters()] == [id(it) for it in model.parameters()]
    ids = torch.from_numpy(tokenizer.encode(TEXT))[None]
    torch.testing.assert_close(model.eval()(ids), before.eval()(ids), rtol=0, atol=0)
    assert not torch.allclose(model(ids)[0], changed(ids)[0])
    copied = copy.deepcopy(changed)
    torch.testing.assert_close(copied(ids), changed(ids), rtol=0, atol=0)


def test_writing_with_interventions_is_deterministic_and_differs():
    model, tokenizer = model_of(hidden_size=33)
    interventions = [set_to(1, "c", 7, 3.0), set_to(0, "h", 2, -1.0)]

    def text(one: LanguageModel) -> str:
        return "".join(it.text for it in generate(one, tokenizer, "ab (", length=63, seed=0))

    changed = intervened_model(model, interventions)
    assert text(changed) == text(intervened_model(model, interventions))
    assert text(changed) != text(model)
    ids = torch.from_numpy(tokenizer.encode(TEXT))
    logits, _ = changed(ids[None])
    with torch.no_grad():
        step = changed.reader(changed.zero_state(1))
        stepped = torch.stack([step(unit[None])[0].clone() for unit in ids])
    torch.testing.assert_close(stepped, logits[0].detach())  # unit by unit as at once


def test_a_stepper_notices_another_cell_of_a_layer():
    model, _ = model_of()
    stepper = model.recurrent.stepper()
    x = torch.ones(1, model.vocabulary_size, dtype=torch.float64)
    stepper(x)
    model.recurrent.layer_cells = intervened_model(model, set_to(1, "h", 3, 0.125)).recurrent.layer_cells
    assert stepper(x)[0, 3] == 0.125


@pytest.mark.parametrize("direction", [0, 1])
def test_a_single_direction_of_a_layer(direction: int):
    """Each direction's half of the output is that of the layer with the intervention in both, or in none."""
    torch.manual_seed(0)
    layer = LSTM(3, 5, bidirectional=True)
    x, lengths = torch.randn(7, 4, 3), [7, 3, 0, 6]
    held = with_interventions(layer, layer, checked_interventions(layer, set_to(0, "c", 2, 0.5, direction=direction)))
    both = copy.deepcopy(layer)
    both.layer_cells = {0: intervened(layer.cell, {"c": {2: 0.5}})}
    made, *expected = (it(x, lengths=lengths)[0].chunk(2, -1) for it in (held, layer, both))
    for end in (0, 1):
        torch.testing.assert_close(made[end], expected[end == direction][end], rtol=0, atol=0)
    assert not torch.equal(made[direction], expected[0][direction])
    with pytest.raises(ArgumentError, match=r"\(c, reverse\).*direction is 1; there is 0 only"):
        checked_interventions(LSTM(3, 5), ablate(0, "c", 2, direction=1))


def test_the_kernels_stay_in_use():
    model, tokenizer = model_of()
    x = torch.zeros(7, 1, tokenizer.vocabulary_size, dtype=torch.float64)
    with torch.no_grad():
        told = intervened_model(model, ablate(1, "c", 0)).recurrent.explain(x, training=False)
        plain = model.recurrent.explain(x, training=False)
    assert told[1, 0].backend == told[0, 0].backend == plain[0, 0].backend


def test_invalid_interventions_raise():
    model, tokenizer = model_of()
    wrong: list[tuple[str, Callable[[], Any]]] = [
        ("no intervention", lambda: intervened_model(model, [])),
        ("layers 0..1", lambda: intervened_model(model, ablate(2, "c", 0))),
        ("gates and states i f g o h c", lambda: intervened_model(model, ablate(0, "z", 0))),
        ("hidden units are 0..4", lambda: intervened_model(model, ablate(0, "c", 5))),
        ("hidden units are 0..4", lambda: effect(model, tokenizer, TEXT, swap(0, "c", 1, -1))),
        ("has two interventions", lambda: intervened_model(model, [ablate(0, "c", 1), set_to(0, "c", 1, 1.0)])),
        ("has two interventions", lambda: effect(model, tokenizer, TEXT, [ablate(0, "c", 1), swap(0, "c", 2, 1)])),
        ("use tidegate.lens.effect", lambda: intervened_model(model, swap(0, "c", 0, 1))),
        ("low should not be above high", lambda: clamp(0, "c", 0, 1.0, 0.0)),
        ("low should not be above high", lambda: clamp(0, "c", 0, float("nan"), 0.0)),
        ("finite", lambda: set_to(0, "c", 0, float("inf"))),
        ("with itself", lambda: swap(0, "c", 3, 3)),
        ("nothing to read", lambda: effect(model, tokenizer, "", ablate(0, "c", 0))),
        ("controls is 0", lambda: effect(model, tokenizer, TEXT, ablate(0, "c", 0), controls=0)),
        ("hidden units for 0", lambda: effect(model, tokenizer, TEXT, [ablate(0, "c", unit) for unit in range(3)])),
    ]
    for message, attempt in wrong:
        with pytest.raises(ArgumentError, match=message):
            attempt()
