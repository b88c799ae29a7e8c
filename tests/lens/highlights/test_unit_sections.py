"""Sections of a story: which findings are shown, what is said of them, and where."""

from dataclasses import replace

import numpy as np
import pytest

from tidegate.lens.hidden_units.detectors import DETECTORS
from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.hidden_units.properties import CHARACTERS, WORDS, property_of
from tidegate.lens.hidden_units.word_detectors import WORD_DETECTORS, classes_of
from tidegate.lens.highlights.section import Sentence
from tidegate.lens.highlights.sentences import costs, figure, follows, is_beyond, raises
from tidegate.lens.highlights.strips import LONGEST, SHORTEST, stretch
from tidegate.lens.highlights.unit_sections import best_findings, nothing_holds, story_section, unit_section
from tidegate.lens.interventions.effect import ClassEffect
from tidegate.text.tokenizers.tokenizer import CharacterTokenizer

BRACKET = Finding("bracket", "yes/no", 0, "c", 228, 1, 0.98, 0.97, 0.64, 0.54, 1536, 13, 4000, 20_000)


def family(detector: str) -> str:
    return property_of(detector, "characters").family


def found(*findings: Finding) -> Findings:
    return Findings({it.detector: it for it in findings}, (), {})


def test_every_detector_has_words_and_every_property_a_class_that_is_measured():
    assert set(CHARACTERS) == set(DETECTORS)
    assert set(WORDS) == set(WORD_DETECTORS)
    characters = CharacterTokenizer("a")
    assert {it.concerns for it in CHARACTERS.values()} <= set(classes_of(characters))
    from tidegate.lens.hidden_units.word_detectors import WORD_CLASSES

    assert {it.concerns for it in WORDS.values()} <= set(WORD_CLASSES)


def test_the_clearest_findings_are_chosen_of_different_properties_and_units():
    depth = replace(BRACKET, detector="depth", kind="count", score=0.9, untrained=0.1, shuffled=0.1)  # the same unit
    quote = replace(BRACKET, detector="quote", unit=5, score=0.9)
    string = replace(BRACKET, detector="string", unit=6, score=0.95)  # as clear as quotes, and of their kind
    digit = replace(BRACKET, detector="digit", unit=7, untrained=0.97)  # no better than an untrained network
    comment = replace(BRACKET, detector="comment", unit=8, shuffled=0.97)
    indented = replace(BRACKET, detector="indented", unit=228, score=0.8)  # the unit of brackets
    chosen = best_findings(found(digit, comment, quote, string, BRACKET, indented), family)
    assert [it.detector for it in chosen] == ["bracket", "string"]
    assert [it.detector for it in best_findings(found(depth, BRACKET), family)] == ["depth"]


def test_at_most_six_are_chosen():
    names = ("bracket", "docstring", "string", "comment", "indented", "word", "capital", "digit")
    made = [replace(BRACKET, detector=name, unit=n, score=0.9 + n / 100) for n, name in enumerate(names)]
    assert [it.unit for it in best_findings(found(*made), family)] == [7, 6, 5, 4, 3, 2]


def test_what_a_unit_follows_is_said_with_both_controls():
    assert follows(BRACKET, "inside brackets") == (
        "Unit 228 of layer 0 (c) is high inside brackets: AUC 0.98 on held-out text, 0.64 in the best untrained "
        "network, 0.54 for shuffled labels."
    )
    falling = replace(BRACKET, detector="position", kind="count", sign=-1, layer=1)
    assert follows(falling, "with the length of the line so far").startswith(
        "Unit 228 of layer 1 (c) falls with the length of the line so far: correlation 0.98 on"
    )


def cost(after: float, *others: float, name: str = "closing brackets") -> ClassEffect:
    return ClassEffect(name, 269, 1.0, after, np.array(others))


def test_a_cost_is_said_beside_that_of_other_units():
    clear = cost(2.5, 0.07, -0.2)
    assert is_beyond(clear)
    assert costs(clear, "closing brackets", 2) == (
        "Without it, closing brackets are 1.50 nats harder to predict: their probability falls to 22% of what it was. "
        "Of 2 other units none costs more than 0.07."
    )
    within = cost(1.05, 0.07, 0.0)
    assert not is_beyond(cost(1.09, 0.07))  # more than the other, but not clearly
    assert not is_beyond(within)
    assert costs(within, "closing brackets", 2) == (
        "Without it, closing brackets are 0.05 nats harder to predict; without one of 2 other units, up to 0.07. The "
        "network does not depend on this unit alone."
    )
    assert costs(cost(0.7, 0.1), "closing brackets", 1) == (
        "Without it, closing brackets are 0.30 nats easier to predict: the network does not depend on this unit."
    )
    assert not is_beyond(cost(0.9, -0.2))  # it helps: nothing depends on the unit


def test_a_loss_of_any_task_is_said_beside_that_of_other_units():
    assert raises(cost(1.034, 0.011, -0.2), "“Greek”", "nats per example", 2) == (
        "Held at 0, it raises the loss on “Greek” by 0.034 nats per example; of 2 other units none adds more than "
        "0.011."
    )
    assert raises(cost(0.9, 0.011), "“Greek”", "nats per example", 1) == (
        "Held at 0, it lowers the loss on “Greek” by 0.10 nats per example: the network does not depend on this unit."
    )
    assert raises(cost(1.01, 0.011), "“Greek”", "nats per example", 2) == (
        "Held at 0, it raises the loss on “Greek” by 0.01 nats per example; one of 2 other units adds up to 0.011. The "
        "network does not depend on this unit alone."
    )


def test_small_numbers_have_two_digits():
    assert [figure(it) for it in (2470.13, 1.429, 0.1, 0.0716, -0.00123, 0.00001234, -1e-9, 0)] == [
        "2,470", "1.43", "0.10", "0.072", "-0.0012", "less than 0.0001", "about 0", "0.00",
    ]  # fmt: skip


def test_the_story_names_the_units_that_the_network_depends_on():
    clear = unit_section("Brackets", [], cost(2.5, 0.07), [Sentence("Without it, it fails.")], [])
    shared = unit_section("Quotes", [], cost(1.05, 0.07), [Sentence("Without it, nothing.")], [])
    said = [story_section(some, names).parts[0] for some, names in (([clear, shared], ["a", "b"]), ([shared], ["b"]))]
    assert said[0] == Sentence(
        "It has learnt to follow a, with one hidden unit. The one for a: without it, it fails.", True
    )
    assert "A single hidden unit follows b. The network does not depend on it: it predicts" in said[1].text  # type: ignore[union-attr]
    assert "No single hidden unit" in story_section([], []).parts[0].text  # type: ignore[union-attr]


def test_nothing_is_claimed_where_nothing_holds():
    poor = replace(BRACKET, score=0.65)
    section = nothing_holds(found(poor), lambda it: follows(it, "inside brackets"))
    text = " ".join(part.text for part in section.parts)  # type: ignore[union-attr]
    assert "Of 1 properties none" in text
    assert follows(poor, "inside brackets") in text
    assert not best_findings(found(poor), family)
    assert "None of the properties" in nothing_holds(found(), str).parts[0].text  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [20, 400])
def test_a_stretch_shows_where_the_property_changes(width: int):
    pieces = [("\n" if n % width == width - 1 else "x") for n in range(4_000)]
    measured = np.zeros(4_000)
    measured[2_000:2_100:20] = 1  # twenty changes here, and none elsewhere
    for k in range(5):
        measured[2_000 + 20 * k : 2_010 + 20 * k] = 1
    start, stop = stretch(pieces, measured)
    assert SHORTEST - 1 <= stop - start <= LONGEST
    assert measured[start:stop].sum() >= 40
    if width == 20:
        assert start == 0 or pieces[start - 1] == "\n"
        assert stop == len(pieces) or pieces[stop] == "\n" or pieces[stop - 1] == "\n"


def test_a_short_text_is_shown_whole_but_for_blanks_at_its_end():
    assert stretch(["a"] * 10, np.zeros(10)) == (0, 10)
