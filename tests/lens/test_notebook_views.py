"""What a notebook shows of a reading, a trace and a part of it, and of every other result."""

import base64
import re
import struct
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from examples.notes.overlay import overlay
from examples.notes.scalar import scalar_example

from tidegate.drawing.colours import BLUE, VERMILLION, number
from tidegate.lens import read
from tidegate.lens.hidden_units.detectors import Detector
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import ablate
from tidegate.lens.memory.clipping import Clipping
from tidegate.lens.memory.gradient_flow import Flow, gradient_flow
from tidegate.lens.memory.memory_time import MemoryTime
from tidegate.lens.memory.step_jacobian import StepJacobians
from tidegate.lens.notebook import table_text, tinted_text
from tidegate.lens.predictions.attribution import what_mattered
from tidegate.lens.predictions.compare import compare, known_letters
from tidegate.lens.predictions.mistakes import mistakes
from tidegate.lens.record.gates import saturation
from tidegate.lens.record.reading import Reading
from tidegate.lens.record.trace import Trace
from tidegate.lens.tasks import BeamTree, Branch, Choices, ForecasterLook, Look, Steps, WriterLook
from tidegate.nn import GRU
from tidegate.nn.record.labelled_array import LabelledArray
from tidegate.text import CharacterTokenizer
from tidegate.text.model import LanguageModel, LanguageModelConfig

TEXT = "<b>a\nb & \"c\" 'd'</b>"


class Page(HTMLParser):
    """The text and the titles of a fragment, and its elements, each of which must end."""

    def __init__(self, fragment):
        super().__init__()
        self.tags, self.open, self.text, self.titles = set(), [], "", []
        self.feed(fragment)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)
        self.titles += [value for name, value in attrs if name == "title"]

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def reading() -> Reading:
    torch.manual_seed(0)
    tokenizer = CharacterTokenizer("".join(sorted(set(TEXT))))
    return read(
        LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, hidden_size=5, num_layers=2)), tokenizer, TEXT
    )


def test_a_reading_is_its_text_with_the_guesses(reading):
    page = Page(reading._repr_html_())
    assert TEXT.replace("\n", "↵\n") in page.text
    assert f"{len(TEXT)} tokens, loss {reading.loss:.3f} nats per token" in page.text
    assert not page.tags & {"b", "script"}
    assert len(page.titles) == len(TEXT)
    assert f"{-reading.log_p[3]:.2f} nats, p {np.exp(reading.log_p[3]):.1%}" in page.titles[3]
    best = reading.shown[int(reading.guesses[3, 0])]
    assert f"{reading.guessed[3, 0]:.1%}  {best}" in page.titles[3].replace("␣", " ").replace("↵", "\n")


def test_a_long_reading_says_how_much_is_left_out():
    count = 2063
    trace = Trace({(0, 0): {"h": np.zeros((count, 3), np.float32)}})
    guesses, guessed = np.zeros((count, 5), np.int64), np.full((count, 5), 0.1, np.float32)
    log_p = np.full(count, -1, np.float32)
    long = Reading(np.zeros(count, np.int64), ["a"] * count, log_p, guesses, guessed, trace, Counter())
    page = Page(long._repr_html_())
    assert "2063 tokens, loss 1.000 nats per token; the first 2000 are shown, 63 more are not" in page.text
    assert len(page.titles) == 2000
    assert "token 0" in page.titles[0]  # its text is unknown


def test_a_trace_lists_its_names_and_shows_the_state(reading):
    page = Page(reading.trace._repr_html_())
    assert f"{len(TEXT)}21i f g o h c" in page.text  # steps, layers, directions, names
    assert "c of layer 0" in page.text
    assert "image" in page.tags


def test_a_trace_of_nothing(reading):
    nothing = Trace({(0, 0): {"o": np.zeros((7, 33))}})
    assert "o of layer 0" in nothing._repr_html_()


@pytest.mark.parametrize("shape", [(), (1,), (7,), (0,), (7, 5), (1, 1), (0, 5), (2, 3, 63, 5), (300, 400)])
@pytest.mark.parametrize("fill", [0.0, -1.5, np.nan, np.inf])
def test_any_part_can_be_seen(shape, fill):
    dims = ("layer", "name", "time", "unit")[-len(shape) :] if shape else ()
    page = Page(LabelledArray(np.full(shape, fill, np.float32), dims)._repr_html_())
    assert all(f"{size} {dim}" in page.text for size, dim in zip(shape, dims, strict=True))
    assert ("0 to 255" in page.text) == (300 in shape)


def test_a_part_in_half_precision_and_of_numbers(reading):
    part = reading.trace.sel(layer=1, direction=0, name="c")
    half = LabelledArray(part.values.astype(np.float16), part.dims, part.coords)
    whole = LabelledArray(np.arange(6).reshape(2, 3), ("time", "unit"), {"time": ["<b>", "\n"]})
    assert "image" in Page(half._repr_html_()).tags
    assert "<b>" in Page(whole._repr_html_()).text
    assert "↵" in Page(whole._repr_html_()).text


def test_further_axes_are_named_by_their_labels(reading):
    page = Page(reading.trace.sel(name=["f", "o"])._repr_html_())
    assert "shown: layer 0, direction 0, name f" in page.text


# Of the other results: what they show is compared with what they hold, and their texts are hostile.

HOSTILE = "<script>alert('x')</script>\n# \"&amp;\" <b>x</b> 12 (34)\n"


def shown(result: object) -> Page:
    """The page of a result that shows hostile text as text."""
    fragment = result._repr_html_()  # type: ignore[attr-defined]
    page = Page(fragment)
    assert "script" not in page.tags
    assert "<script" not in fragment
    return page


def cells(*numbers: float) -> str:
    return "".join(number(it) for it in numbers)


@pytest.fixture(scope="module")
def tokenizer() -> CharacterTokenizer:
    return CharacterTokenizer("".join(sorted(set(HOSTILE))))


@pytest.fixture(scope="module")
def model(tokenizer) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, hidden_size=5, num_layers=2)).eval()


@pytest.fixture(scope="module")
def hostile(model, tokenizer) -> Reading:
    return read(model, tokenizer, HOSTILE)


def test_findings_are_a_table_best_first(model, tokenizer):
    inside = Detector("<script>", "yes/no", lambda text: np.array([it in "<script>" for it in text]))
    digits = Detector("digits", "yes/no", lambda text: np.char.isdigit(list(text)))
    never = Detector("<script>never", "yes/no", lambda text: np.zeros(len(text), bool))
    found = find_cells(model, tokenizer, HOSTILE * 8, detectors=[inside, digits, never])
    page = shown(found)
    for it in found.found.values():
        row = f"{it.detector}{it.layer}/{it.unit}{it.name}{cells(it.score, it.untrained, it.shuffled)}{it}"
        assert row in page.text
    best, second = sorted(found.found.values(), key=lambda it: -it.score)
    assert page.text.index(str(best)) < page.text.index(str(second))
    assert "too rare in this text, or never changing: <script>never" in page.text


def test_an_effect_is_its_table_and_the_text_by_added_surprise(model, tokenizer):
    made = effect(model, tokenizer, HOSTILE, [ablate(0, "c", 3)], classes={"<script>": "[<>]"}, controls=2)
    page = shown(made)
    own = made.classes["<script>"]
    numbers = (own.count, own.before, own.after, own.change, own.control_mean, own.control_worst)
    assert f"<script>{cells(*numbers)}" in page.text
    assert "unit 0/3 (c) held at 0: nats per character" in page.text
    assert HOSTILE.replace("\n", "↵\n") in page.text
    added = made.log_p_before[5] - made.log_p_after[5]
    assert page.titles[5] == f"{number(float(added))} nats"


def test_a_flow_is_half_lives_curves_and_a_triangle(model, tokenizer):
    flow = gradient_flow(model, tokenizer, HOSTILE)
    page = shown(flow)
    for (layer, state), norms in flow.norms.items():
        fall = flow.decay(layer, state)
        assert f"{layer}{state}{cells(fall.half_life, fall.rate, fall.r2)}" in page.text
        assert norms.shape == (16, len(HOSTILE) - 1)
    assert "h of layer 1" in page.text
    assert "Gradient by c of layer 0" in page.text
    assert "not a number" not in page.text
    assert str(flow).splitlines()[2].split()[:2] == ["0", "c"]


@pytest.mark.parametrize("fill", [0.0, np.nan, 1e-30])
@pytest.mark.parametrize("steps", [1, 7])
def test_a_flow_without_a_half_life_says_why(steps, fill):
    flow = Flow(np.array([steps - 1]), np.zeros(1), {(0, "h"): np.full((1, steps), fill)}, ["<script>"] * steps)
    page = shown(flow)
    assert ("none: " in page.text) == (steps == 1 or fill != 1e-30)
    assert "image" in page.tags


def test_a_long_flow_is_cut_to_what_can_be_shown():
    many = Flow(np.arange(4000, 4300), np.zeros(300), {(0, "h"): np.ones((300, 4300))}, ["<"] * 4300)
    page = shown(many)
    assert "step, counted from 2300" in page.text  # the last 2000 stay
    picture = base64.b64decode(many._repr_html_().split("base64,")[1].split('"')[0])
    assert struct.unpack(">II", picture[16:24]) == (2000, 150)  # every second target


def test_saturation_counts_units_near_an_end():
    values = np.full((7, 33), 0.5, np.float32)
    values[:4, :2] = 0.01  # 4 of 7 steps: most
    values[:3, 2:4] = 0.01
    values[:, 5] = 0.99
    trace = Trace({(0, 0): {"f": values}})
    made = saturation(trace, "lstm")
    low, high = (8 + 6) / (7 * 33), 1 / 33
    assert f"00fsigmoid{cells(low, high)}2 of 331 of 33" in shown(made).text
    assert str(made).splitlines()[1].split()[-6:] == ["2", "of", "33", "1", "of", "33"]


def test_memory_time_is_sorted_and_counts_units_that_never_forget():
    times = MemoryTime(np.array([0.5, 1.0, 0.9]), np.array([1.44, np.inf, 9.49]), np.array([2.0, np.inf, 10.0]))
    page = shown(times)
    assert "3 hidden units: steps until 1/e is left, median 9.49, longest inf; 1 of them never forget" in page.text
    assert "2 points not drawn" in page.text


def test_an_attribution_is_three_texts_and_how_they_agree(model, tokenizer):
    made = what_mattered(model, tokenizer, HOSTILE, 20)
    page = shown(made)
    assert page.text.count(HOSTILE[:20]) == 3
    expected = np.concatenate([made.gradient_input, made.integrated, made.erased]).tolist()
    assert page.titles == [f"{number(it)} nats" for it in expected]
    both = made.rank_correlations()["integrated", "erased"]
    assert f"integratederased{number(both)}" in page.text
    assert f"integrated gradients sum to {made.completeness:.4f} of the difference (complete)" in page.text


def test_mistakes_are_a_table_and_the_text_by_oracle(hostile, tokenizer):
    found = mistakes(hostile, tokenizer, tokenizer.encode(HOSTILE * 3), max_train=100)
    page = shown(found)
    gone, left = found.removed["n-gram"], found.remaining["n-gram"]
    assert f"1n-gram{cells(gone, gone / found.errors, left)}" in page.text
    assert f"{found.errors} errors in {len(HOSTILE)} tokens; counted on the last 100 of" in page.text
    wrong = int(np.flatnonzero(found.which == 0)[0])
    assert f'title="n-gram, n = {found.order[wrong]}"' in found._repr_html_()
    assert HOSTILE.replace("\n", "↵\n") in page.text
    assert str(found).count("\n") == 1 + len(found.classes)


def test_no_mistakes_can_be_seen_too(hostile, tokenizer):
    none = mistakes(replace(hostile, log_p=np.zeros_like(hostile.log_p)), tokenizer, tokenizer.encode(HOSTILE))
    assert "0 errors" in shown(none).text
    assert none._repr_html_().count("background:") == 8  # the legend's, whose first of nine is bare
    assert "background:" in mistakes(hostile, tokenizer, tokenizer.encode(HOSTILE))._repr_html_().split("↵")[0]


def test_a_comparison_is_means_stretches_and_tinted_texts(hostile):
    worse = replace(hostile, log_p=hostile.log_p - np.arange(len(hostile), dtype=np.float32) / 100)
    made = compare({"<script>one": hostile, "two": worse, "three": hostile}, width=5)
    page = shown(made)
    assert f"<script>one{number(made.losses['<script>one'])}" in page.text
    assert f"two{made.spans[0].start}{made.spans[0].text}" in page.text
    assert page.text.count(HOSTILE.replace("\n", "↵\n")) == 2
    assert page.titles[7] == f"{number(made.difference[1, 7])} nats"
    assert "↵" in str(made)


def test_known_letters_are_two_curves(hostile):
    made = known_letters(hostile, most=3)
    assert shown(made).text.count("letters of the word that were read") == 2
    first = (made.letters[0], made.right[0], made.among_three[0], made.losses[0])
    assert str(made).splitlines()[1].split() == ["0", *map(number, first)]


def test_an_overlay_names_its_curves():
    made = overlay(("gru",), lag=7, hidden_size=5, steps=(0,))
    page = shown(made)
    assert "gru h, 0 steps" in page.text
    assert "residual h, 0 steps" in page.text
    assert [line.split()[0] for line in str(made).splitlines()[1:]] == ["gru", "residual"]


def test_jacobians_are_drawn_as_far_as_that_is_quick():
    made = StepJacobians(np.full((7, 5, 5), 0.1), {"h": slice(0, 5)})
    assert "of the last d, multiplied" in shown(made).text
    large = StepJacobians(np.broadcast_to(np.eye(330), (63, 330, 330)), {"h": slice(0, 330)})
    assert "use .norms and .products" in shown(large).text
    assert not {"norms", "products", "radii"} & vars(large).keys()


def test_clipping_is_the_norms_beside_the_threshold_and_the_shares():
    made = Clipping(0.5, np.array([10, 40]), np.array([1.0, 0.0]), np.array([2.0, 0.3]))
    page = shown(made)
    assert "25.0% of 40 steps had a gradient norm above 0.5" in page.text
    assert "threshold" in page.text
    assert "share clipped" in page.text
    page = shown(replace(made, threshold=None))
    assert "no gradient was clipped in 40 steps: there is no threshold" in page.text
    assert page.text.count("threshold") == 1


def test_the_scalar_example_is_its_factors():
    made = scalar_example([-0.5, 0.5])
    assert f"2{cells(0.5, made.states[2], made.factors[1])}" in shown(made).text
    assert "by hand 0.635" in str(made)


def test_choices_and_steps_and_looks():
    labels, read = ["<script>no", "yes"], ("<script>", "two")
    choices = Choices(labels, np.array([[0.9, 0.1], [0.25, 0.75]], np.float32))
    steps = Steps(read, Trace({(0, 0): {"h": np.zeros((2, 5))}}), choices=choices)
    attention = np.array([[0.3, 0.7]], np.float32)
    look = Look("classify", {"input": steps}, {"label": "<script>" * 100}, None, attention)
    assert shown(steps).titles == ["<script>no 90.0%, yes 10.0%", "yes 75.0%, <script>no 25.0%"]
    page = shown(look)
    assert "<script> two " in page.text
    assert "truenot known" in page.text
    assert f"{str(look.prediction)[:400]}…" in page.text
    assert "attention" in page.text
    assert "<script>…" in shown(choices).text  # a label of 9 characters at most: "<script>" and what stands for "no"


def test_steps_without_choices_or_without_text():
    trace = Trace({(0, 0): {"h": np.zeros((2, 5))}})
    silent = Steps(tuple("<x"), trace)
    assert "2 steps; layers: 1; recorded: h<x" in shown(silent).text
    frames = Steps((), trace, choices=Choices(["a"], np.ones((2, 1), np.float32)))
    assert "2 of 2 steps" in shown(frames).text


def test_a_tree_is_lists_in_lists():
    branches = (
        Branch(0, -1, "<script>", -0.5, -0.5, "kept"),
        Branch(0, -1, "b", -1.5, -1.5, "dropped"),
        Branch(1, 0, "<end>", -0.25, -0.75, "finished"),
    )
    tree = BeamTree(2, branches, (2,))
    page = shown(tree)
    ordered = [
        "<script> 60.7%, -0.50 nats",
        "<end> 77.9%, -0.75 nats, finished, text 1",
        "b 22.3%, -1.50 nats, dropped",
    ]
    places = [page.text.index(it) for it in ordered]
    assert places == sorted(places)
    assert tree._repr_html_().count("<ul") == 2
    assert str(tree) == "  -0.750  <script> <end>"


def test_a_large_tree_is_cut():
    branches = tuple(Branch(n, n - 1, "x", -0.1, -0.1 * n, "kept") for n in range(700))
    page = shown(BeamTree(1, branches, (699,)))
    assert page.text.count("nats") == 500
    assert "700 branches, 1 texts; the first 500 are shown" in page.text


def test_a_layer_s_trace_is_a_table():
    layer = GRU(3, 5, bidirectional=True)
    made = layer.trace(torch.randn(7, 2, 3))
    h = made[0, 1]["h"].detach()
    assert f"01h7 × 2 × 5{cells(float(h.min()), float(h.max()))}" in shown(made).text
    assert "0 × 5" in shown(replace(made, values={(0, 0): {"h": torch.empty(0, 5)}}, batch_axis=None)).text


def test_tables_for_a_terminal_escape_control_characters():
    made = table_text([["\x1b[31m", 1], ["b\n", 20.5]], ("a", "n"))
    assert made.splitlines() == ["a            n", "\\x1b[31m     1", "b↵        20.5"]
    assert table_text([], ("a", "b")) == "a  b"


@pytest.mark.parametrize("values", [[-1.0, 3.0, np.nan], [1.0, 3.0, np.inf], [0.0, 0.0, 0.0], []])
def test_a_tinted_text_has_two_colours_only_below_zero(values):
    fragment = tinted_text("<a"[: len(values)] + "b" * (len(values) > 2), values, "said", "nats")
    red, blue = (f"rgba({r},{g},{b}" for r, g, b in (VERMILLION, BLUE))
    assert (blue in fragment) == (-1.0 in values)
    assert red in fragment  # of the legend at least
    assert Page(fragment).titles == [f"{number(it)} nats" for it in values]


def test_a_written_text_names_its_rows_and_shows_the_tree():
    steps = Steps(("<", "b"), Trace({(0, 0): {"h": np.zeros((2, 5))}}))
    tree = BeamTree(1, (Branch(0, -1, "<script>", -0.5, -0.5, "cut"),), (0,))
    look = WriterLook(
        "t", {"source": steps}, {"text": ""}, None, np.eye(2, dtype=np.float32), ("<script>", "2"), tree, None, {}
    )
    page = shown(look)
    assert "attended to" in page.text.split("<script>2<b")[1]  # rows, then columns
    assert "<script> 60.7%, -0.50 nats, cut, text 1" in page.text


@pytest.mark.parametrize("known", [1, 7])
def test_a_forecast_is_drawn_after_the_known_values(known):
    steps = Steps(("1",) * known, Trace({(0, 0): {"h": np.zeros((known, 5))}}))
    bands = np.tile(np.arange(5.0), (9, 1))
    look = ForecasterLook(
        "<script>",
        {"input": steps},
        {},
        None,
        None,
        (0.1, 0.25, 0.5, 0.75, 0.9),
        np.ones(known),
        bands[:known],
        bands[:2],
    )
    page = shown(look)
    assert f"<script>: {known} known values" in page.text
    assert "not drawn" not in page.text
    last = {it.split()[0] for it in re.findall(r"L([\d.]+ [\d.]+)\" stroke=", look._repr_html_())}
    assert max(map(float, last)) == 624  # the right end: the last step ahead
