"""The finder: its scores against scikit-learn and NumPy, and units whose weights were set to carry a property."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units import association
from tidegate.lens.hidden_units.association import areas, correlations, midranks
from tidegate.lens.hidden_units.controls import untrained
from tidegate.lens.hidden_units.detectors import DETECTORS, function, pattern, per_token
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.hidden_units.unit_search import shifted
from tidegate.lens.record.reading import read
from tidegate.text import ByteTokenizer, CharacterTokenizer
from tidegate.text.model import LanguageModel, LanguageModelConfig

LETTERS = 'abcdef ()"\n'
BRACKETS, QUOTES = 2, 4  # the units that carry them


def written(length: int, seed: int = 0) -> str:
    """Random words, some stretches of them in brackets, others in quotes."""
    rng = random.Random(seed)

    def words(count: int) -> str:
        return " ".join("".join(rng.choices("abcdef", k=rng.randint(1, 5))) for _ in range(count))

    parts: list[str] = []
    while sum(map(len, parts)) < length:
        stretch = words(rng.randint(2, 9))
        parts += [rng.choice(["({})", '"{}"', "{}", "{}"]).format(stretch), rng.choice("\n  ")]
    return "".join(parts)[:length]


def planted() -> tuple[LanguageModel, CharacterTokenizer]:
    """Five LSTM units of small random weights but for two: c is 1 inside brackets, or inside quotes, and else 0."""
    tokenizer = CharacterTokenizer(LETTERS)
    torch.manual_seed(3)
    model = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, hidden_size=5)).eval()
    own = dict(model.recurrent.named_parameters())

    def at(mark: str) -> int:
        return int(tokenizer.encode(mark)[0])

    with torch.no_grad():
        w, u, b = (own[f"{name}_l0"].unflatten(0, (4, 5)) for name in ("weight_ih", "weight_hh", "bias"))
        for unit, opening, closing in ((BRACKETS, "(", ")"), (QUOTES, '"', '"')):
            w[:, unit], u[:, unit] = 0, 0
            b[:, unit] = torch.tensor([-20.0, 20, 20, 20])  # i f g o: nothing in, all kept, g = o = 1
            w[0, unit, at(opening)] = 40
            w[1, unit, at(closing)] = -40
        u[0, QUOTES, QUOTES] = -60  # nothing in at the second mark: h = tanh(1) says that the first was there
    return model, tokenizer


def test_ranks_share_ties():
    values = np.random.default_rng(0).integers(0, 9, (7, 33)).astype(np.float32)
    values[3] = np.arange(33)[::-1]
    values[4] = 1
    np.testing.assert_array_equal(midranks(values), rankdata(values, axis=1))


@pytest.mark.parametrize("kinds", [3, 1000])
def test_area_is_scikit_learns(kinds: int, monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(kinds)
    values = (rng.integers(0, kinds, (63, 33)) / kinds).astype(np.float32)
    labels = (rng.random((63, 4)) < 0.3).astype(np.float64)
    expected = [[roc_auc_score(labels[:, k], values[:, h]) for k in range(4)] for h in range(33)]
    np.testing.assert_allclose(areas(values, labels), expected, rtol=1e-12)
    monkeypatch.setattr(association, "BLOCK", 5 * 63)  # a few units at a time, and some left over
    np.testing.assert_allclose(areas(values, labels), expected, rtol=1e-12)


def test_correlation_is_numpys():
    rng = np.random.default_rng(1)
    values = (5 + rng.standard_normal((63, 33))).astype(np.float32)
    labels = rng.integers(0, 9, (63, 4)).astype(np.float64)
    expected = np.corrcoef(values.astype(np.float64), labels, rowvar=False)[:33, 33:]
    np.testing.assert_allclose(correlations(values, labels), expected, rtol=1e-9, atol=1e-12)
    values[:, 7] = 0.1  # what does not move goes with nothing
    assert correlations(values, labels)[7].tolist() == [0, 0, 0, 0]


def test_planted_units_are_found_and_controls_are_low():
    model, tokenizer = planted()
    text = written(4001)
    found = find_cells(model, tokenizer, text)
    for detector, unit in (("bracket", BRACKETS), ("quote", QUOTES)):
        it = found[detector]
        assert (it.layer, it.unit, it.sign, it.score, it.chosen_score) == (0, unit, 1, 1.0, 1.0)
        assert it.name in ("h", "c")
        assert max(it.untrained, it.shuffled) < 0.8
        assert found.scores[detector][0, 0, "c"].shape == (5,)
        assert found.scores[detector][0, 0, "c"][unit] == 1
        assert {(name, at) for _, _, name, at, _ in found.best(detector, 2)} == {("h", unit), ("c", unit)}
        assert (it.values, it.detectors, it.tried) == (6 * 5, len(DETECTORS), 30 * len(DETECTORS))
        inside = per_token(DETECTORS[detector], list(text))[2000:]
        assert (it.positives, it.counted) == (inside.sum(), 2001)
    assert f"unit 0/{QUOTES} (h) goes with quote: AUC 1.00 (untrained at best 0." in str(found)
    depth = found["depth"]
    assert (depth.unit, depth.sign) == (BRACKETS, 1)
    assert depth.score == pytest.approx(1)  # not nested here
    assert set(found.absent) == {"digit", "capital", "comment", "indentation", "indented", "docstring"}
    assert "\ntoo rare in this text, or never changing: docstring, " in str(found)
    for absent, why in (("digit", "is too rare in this text, or never changes"), ("odd", "is not among the detectors")):
        with pytest.raises(ArgumentError, match=f"'{absent}' {why}"):
            found[absent]


def random_labels(seed: int) -> Callable[[str], NDArray[np.bool_]]:
    return lambda text: np.random.default_rng(seed).random(len(text)) < 0.4


def test_the_choice_is_made_on_one_half_and_measured_on_the_other():
    """The same from the trace with scikit-learn, places that do not count left out."""
    model, tokenizer = planted()
    text = written(2001, seed=5)
    vowels = pattern("vowel", "[aei]")
    gap = function("gap", lambda it: np.where(np.arange(len(it)) % 7 == 3, np.nan, vowels(it)))
    long = function("long", lambda it: DETECTORS["word"](it) > 2)
    chance = [function(f"chance {k}", random_labels(k)) for k in range(5)]
    detectors = [vowels, gap, long, *chance]
    found = find_cells(model, tokenizer, text, detectors=detectors, names=["f", "h"], shifts=1)
    disagree = 0
    trace = read(model, tokenizer, text).trace
    for detector in detectors:
        labels = detector(text)
        halves: list[list[float]] = []
        for half in (slice(0, 1000), slice(1000, 2001)):
            counts = ~np.isnan(labels[half])
            halves.append(
                [
                    float(roc_auc_score(labels[half][counts], trace[0, 0][name][half, unit][counts]))
                    for name in ("f", "h")
                    for unit in range(5)
                ]
            )
        it = found[detector.name]
        at = ("f", "h").index(it.name) * 5 + it.unit
        best = [int(np.abs(np.array(half) - 0.5).argmax()) for half in halves]
        assert at == best[0]
        disagree += best[0] != best[1]
        turned = [half[at] if it.sign > 0 else 1 - half[at] for half in halves]
        assert [it.chosen_score, it.score] == pytest.approx(turned)
        assert it.chosen_score >= 0.5
        flat = np.concatenate(list(found.scores[detector.name].values()))
        np.testing.assert_allclose(flat, halves[1])
    assert disagree  # or it would not matter which half chose


def test_low_inside_is_found_too():
    model, tokenizer = planted()
    outside = function("outside", lambda text: 1 - DETECTORS["bracket"](text))
    falling = function("falling", lambda text: -DETECTORS["bracket"](text), "count")
    found = find_cells(model, tokenizer, written(1500), detectors=[outside, falling], names=["c"])
    for name, said in (("outside", "(c, low)"), ("falling", "(c, falling)")):
        assert (found[name].unit, found[name].sign) == (BRACKETS, -1)
        assert found[name].score == pytest.approx(1)
        assert said in str(found[name])


def test_labels_are_shifted_not_permuted():
    """Long stretches are easy to follow by chance; the control has to keep them, and moves them by a tenth or more."""
    values = np.where(np.arange(1500) % 301 == 5, np.nan, np.random.default_rng(0).random(1500) < 0.3)
    counts, made = shifted(values, 20, np.random.default_rng(1))
    own = values[~np.isnan(values)]
    np.testing.assert_array_equal(counts, ~np.isnan(values))
    np.testing.assert_array_equal(made[:, 0], own)
    rolled = {np.roll(own, distance).tobytes() for distance in range(len(own) // 10, len(own) * 9 // 10)}
    assert len(rolled) == len(own) * 9 // 10 - len(own) // 10  # no two alike, so that each distance is told
    assert all(column.tobytes() in rolled for column in made[:, 1:].T)
    assert len({column.tobytes() for column in made[:, 1:].T}) > 15


def test_controls_are_drawn_from_the_seed():
    model, tokenizer = planted()
    text = written(1500)
    stretches = function("third", lambda it: np.arange(len(it)) % 300 < 100)
    found = find_cells(model, tokenizer, text, detectors=[stretches], shifts=20)
    again = find_cells(model, tokenizer, text, detectors=[stretches], shifts=20)
    other = find_cells(model, tokenizer, text, detectors=[stretches], shifts=20, seed=1)
    assert found["third"] == again["third"]
    assert found["third"].untrained != other["third"].untrained
    assert found["third"].score == other["third"].score


def test_the_untrained_control_is_the_best_of_several_models(tmp_path: Path):
    model, tokenizer = planted()
    vowels, text = pattern("vowel", "[aei]"), written(1500)
    single = [
        find_cells(model, tokenizer, text, detectors=[vowels], seed=k, twins=1)["vowel"].untrained for k in range(5)
    ]
    assert len(set(single)) > 2
    for twins in (2, 5):
        found = find_cells(model, tokenizer, text, detectors=[vowels], twins=twins, folder=tmp_path)["vowel"]
        assert found.untrained == max(single[:twins])
    assert find_cells(model, tokenizer, text, detectors=[vowels])["vowel"].untrained == max(single[:3])


def test_an_undefined_detector_is_absent():
    model, tokenizer = planted()
    never = function("never", lambda text: np.full(len(text), np.nan))
    rare = function("rare", lambda text: np.arange(len(text)) % 200 == 0)
    late = function("late", lambda text: np.arange(len(text)) > 900)
    found = find_cells(model, tokenizer, written(1000), detectors=[never, rare, late, DETECTORS["quote"]])
    assert found.absent == ("never", "rare", "late")
    assert list(found.found) == ["quote"]
    alone = find_cells(model, tokenizer, written(1000), detectors=[DETECTORS["quote"]])["quote"]
    assert alone == replace(found["quote"], detectors=1)  # the controls do not depend on what else is looked for


@pytest.mark.parametrize("cell", ["gru", "rnn_tanh"])
def test_bytes_and_other_cells(cell: str):
    tokenizer = ByteTokenizer()
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, cell=cell, hidden_size=7, num_layers=2))
    text = written(700).replace("a", "é")  # two bytes
    found = find_cells(model, tokenizer, text, detectors=[DETECTORS["bracket"]], names="h", shifts=2)["bracket"]
    inside = DETECTORS["bracket"](text)
    assert (found.values, found.name) == (2 * 7, "h")
    by_byte = np.repeat(inside, [len(it.encode()) for it in text])
    first_of_two = np.flatnonzero([it == 0xC3 for it in text.encode()])
    by_byte[first_of_two] = by_byte[first_of_two - 1]  # not known yet
    assert found.positives == by_byte[len(by_byte) // 2 :].sum()


def test_tokens_and_a_folder_give_the_same(tmp_path):
    model, tokenizer = planted()
    text = written(901)
    ids = tokenizer.encode(text)
    assert find_cells(model, tokenizer, ids, folder=tmp_path)["quote"] == find_cells(model, tokenizer, text)["quote"]
    assert (tmp_path / "trained" / "trace.json").exists()


def test_invalid_arguments_raise():
    model, tokenizer = planted()
    text = written(500)
    quote = DETECTORS["quote"]
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("different names", {"detectors": [quote, quote]}),
        ("different names", {"detectors": []}),
        ("names is empty", {"names": []}),
        ("shifts is 0", {"shifts": 0}),
        ("twins is 0", {"twins": 0}),
    ]
    for message, options in wrong:
        with pytest.raises(ArgumentError, match=message):
            find_cells(model, tokenizer, text, **options)
    with pytest.raises(ArgumentError, match="'q'"):
        find_cells(model, tokenizer, text, names=["q"])
    with pytest.raises(ArgumentError, match="characters long"):
        find_cells(model, tokenizer, text[:31])


def test_untrained_models_have_fresh_weights_and_do_not_change_torchs_rng():
    tokenizer = CharacterTokenizer(LETTERS)
    torch.manual_seed(3)
    config = LanguageModelConfig(tokenizer.vocabulary_size, cell="gru", hidden_size=5, num_layers=2, embedding_size=4)
    model = LanguageModel(config).double()
    before = torch.get_rng_state()
    twin, again, other = untrained(model), untrained(model), untrained(model, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    assert twin.config == model.config
    for (name, own), a, b, c in zip(
        model.named_parameters(), twin.parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert own.dtype == a.dtype == torch.float64, name
        assert torch.equal(a, b), name
        assert not torch.equal(a, own), name
        assert not torch.equal(a, c), name
