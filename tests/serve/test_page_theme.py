"""The colours of the page's style sheet: series are told apart, zero is the ground, text is legible."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from tests.drawing.test_colours import JUST_SEEN, VISIONS, contrast, seen
from tests.serve.conftest import Visit

from tidegate.drawing.colours import hexadecimal
from tidegate.serve.page import FILES
from tidegate.serve.page_data import palette

PAIR = re.compile(r"--(?P<name>[\w-]+): light-dark\((?P<light>#\w+), (?P<dark>#\w+)\);")
GROUNDS = ("light", "dark")


def colours(ground: str) -> dict[str, tuple[int, ...]]:
    """The colours of a theme by name."""
    found = {it["name"]: it[ground][1:] for it in PAIR.finditer(FILES["style/theme.css"].read_text(encoding="utf-8"))}
    whole = {name: it if len(it) == 6 else "".join(2 * digit for digit in it) for name, it in found.items()}
    return {name: tuple(bytes.fromhex(it)) for name, it in whole.items()}


def series(ground: str) -> list[tuple[int, ...]]:
    found = colours(ground)
    return [found[f"series-{n}"] for n in range(1, 8)]


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_series_shows_on_its_ground(ground):
    assert min(contrast(it, colours(ground)["ground"]) for it in series(ground)) >= 3


@pytest.mark.parametrize("vision", [it for it in VISIONS if it != "tritanopia"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_series_are_told_apart(ground, vision):
    apart = [np.linalg.norm(one - other) for one, other in combinations(seen(series(ground), vision), 2)]
    assert min(apart) > 5 * JUST_SEEN


def test_no_two_series_have_colour_and_dashes_in_common(address: str, visit: Callable[..., Visit]):
    page = visit(address).open("training")
    script = "import('/colours.js').then(it => [...Array(49).keys()].map(n => `${it.curve(n)} ${it.dashes(n)}`))"
    looks = page.evaluate(script)
    assert len(set(looks)) == 49
    assert len({it.split(" ")[1] for it in looks[:7]}) == 7  # told apart without colour, too


@pytest.mark.parametrize("ground", GROUNDS)
def test_text_is_legible(ground):
    found = colours(ground)
    for name in ("ink", "faint", "accent", "wrong"):
        assert all(contrast(found[name], found[under]) >= 4.5 for under in ("ground", "raised")), name


@pytest.mark.parametrize("ground", GROUNDS)
def test_what_is_zero_looks_untouched(ground):
    scales = palette()[ground]
    zero = hexadecimal(colours(ground)["ground"])
    assert scales["sequential"][0][0] == zero
    assert scales["diverging"][len(scales["diverging"]) // 2][0] == zero
