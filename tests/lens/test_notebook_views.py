"""What a notebook shows of a reading, a trace and a part of it."""

from collections import Counter
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from tidegate.data import Characters
from tidegate.lens import Named, Reading, Trace, read
from tidegate.tasks.language_model import LanguageModel, LanguageModelConfig

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
    units = Characters("".join(sorted(set(TEXT))))
    return read(LanguageModel(LanguageModelConfig(units.size, hidden_size=5, num_layers=2)), units, TEXT)


def test_a_reading_is_its_text_with_the_guesses(reading):
    page = Page(reading._repr_html_())
    assert TEXT.replace("\n", "↵\n") in page.text
    assert f"{len(TEXT)} units, {reading.nats:.3f} nats" in page.text
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
    assert "2063 units, 1.000 nats each on average; the first 2000 are shown, 63 more are not" in page.text
    assert len(page.titles) == 2000
    assert "unit 0" in page.titles[0]  # nobody said what the unit is


def test_a_trace_says_what_was_kept_and_shows_the_state(reading):
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
    page = Page(Named(np.full(shape, fill, np.float32), dims)._repr_html_())
    assert all(f"{size} {dim}" in page.text for size, dim in zip(shape, dims, strict=True))
    assert ("0 to 255" in page.text) == (300 in shape)


def test_a_part_in_half_precision_and_of_numbers(reading):
    part = reading.trace.sel(layer=1, direction=0, name="c")
    half = Named(part.values.astype(np.float16), part.dims, part.coords)
    whole = Named(np.arange(6).reshape(2, 3), ("time", "unit"), {"time": ["<b>", "\n"]})
    assert "image" in Page(half._repr_html_()).tags
    assert "<b>" in Page(whole._repr_html_()).text
    assert "↵" in Page(whole._repr_html_()).text


def test_further_axes_are_named_by_what_stands_there(reading):
    page = Page(reading.trace.sel(name=["f", "o"])._repr_html_())
    assert "shown: layer 0, direction 0, name f" in page.text
