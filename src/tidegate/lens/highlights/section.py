"""Sections of a story: sentences, texts, bars, tables and samples, as plain data for a page, a terminal or a file."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Sentence:
    """A sentence or two made of numbers.

    Attributes:
        text: the sentence.
        lead: whether it is the first to be read, and shown larger.
    """

    text: str
    lead: bool = False


@dataclass(frozen=True)
class Strip:
    """A short text with the values of one hidden unit.

    Attributes:
        label: what the values are, such as "c of unit 228 in layer 0".
        pieces: the text of each of N tokens.
        values: the unit's value after each was read.
        holds: whether the property holds after each; false throughout where it is a number.
        top: magnitude at the dark ends of the scale of colours.
        property: the property in words, such as "inside brackets".
    """

    label: str
    pieces: tuple[str, ...]
    values: tuple[float, ...]
    holds: tuple[bool, ...]
    top: float
    property: str


@dataclass(frozen=True)
class Bar:
    """A named number.

    Attributes:
        name: its name.
        value: the number.
        role: "own" for this model or unit, "other" for what it is compared with.
    """

    name: str
    value: float
    role: Literal["own", "other"] = "other"


@dataclass(frozen=True)
class Bars:
    """Numbers of one kind side by side.

    Attributes:
        caption: what is measured, on what.
        unit: the unit of measure, such as "nats per character".
        bars: the numbers in the order in which they are shown.
        signed: whether they are changes, written with their sign.
    """

    caption: str
    unit: str
    bars: tuple[Bar, ...]
    signed: bool = False


@dataclass(frozen=True)
class Table:
    """A table of texts and numbers.

    Attributes:
        caption: what it shows.
        columns: names of the columns.
        rows: their cells.
        code: numbers of the columns that hold pieces of text.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    code: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sample:
    """What a model wrote.

    Attributes:
        prompt: what it went on from.
        text: what it wrote.
    """

    prompt: str
    text: str


@dataclass(frozen=True)
class Link:
    """A way to a screen of the page, with everything set.

    Attributes:
        title: the button's text.
        screen: name of the screen.
        layer: the layer that is chosen there.
        name: the gate or state.
        unit: the hidden unit.
        text: number of the text or example.
        direction: "1" where it is that of a layer that reads from the end.
        sequence: the sequence that the layer reads.
        property: the property that the unit follows.
        place: number of the word or step of the example that is meant.
        target: what was decided there.
        against: what it is compared with.
    """

    title: str
    screen: str
    layer: int = 0
    name: str = ""
    unit: int = 0
    text: int = 0
    direction: str = ""
    sequence: str = ""
    property: str = ""
    place: int = 0
    target: str = ""
    against: str = ""


Part = Sentence | Strip | Bars | Table | Sample


ORDER = ("run", "story", "worst", "confusion", "decided", "unit", "shared", "loss", "mistakes", "memory", "sample")
"""The names of sections in the order in which they are shown; they are computed in another."""


@dataclass(frozen=True)
class Section:
    """A section of a story.

    Attributes:
        name: what it is about, one of `ORDER`: "unit" of a hidden unit without which something is lost, "shared" of one
            whose property other units carry as well. Sections of one name are shown as they come.
        title: its heading.
        parts: what it shows, in order.
        links: where to look further.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    links: tuple[Link, ...] = ()
