"""Figures by matplotlib: what is drawn, in fonts that have it, without touching what others share."""

import subprocess
import sys
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from tidegate.drawing import Scale, figures
from tidegate.errors import ArgumentError, MissingDependencyError

TEXT = "if $x_{:\n\t한국어 \x1b[31m \ud800 <b> नमस्ते 🙂\n"
VALUES = np.linspace(0, 5, len(TEXT))
DRAWERS = {
    "line_chart": lambda: figures.line_chart(
        {TEXT: ([1, 2, 3], [1, np.nan, 1e9])}, log_y=True, title=TEXT, x_label=TEXT
    ),
    "heat_map": lambda: figures.heat_map([[1, np.nan], [3, -4]], [TEXT, "b"], list("한$"), title=TEXT, y_label=TEXT),
    "tinted_text": lambda: figures.tinted_text(list(TEXT), VALUES, scale=Scale("sequential", 3, TEXT), title=TEXT),
    "strips": lambda: figures.strips({TEXT: VALUES, "c": -VALUES}, list(TEXT), title=TEXT, x_label=TEXT),
}
EMPTY = {
    "line_chart": lambda: figures.line_chart({"a": ([], []), "b": ([1], [np.nan])}),
    "no lines": lambda: figures.line_chart({}),
    "heat_map": lambda: figures.heat_map(np.zeros((0, 3))),
    "tinted_text": lambda: figures.tinted_text([], []),
    "strips": lambda: figures.strips({"a": [np.nan, np.inf]}),
    "one step": lambda: figures.strips({"a": [1.0]}, ["x"]),
    "constant": lambda: figures.heat_map(np.ones((1, 1)), scale="sequential"),
}


def words(figure: Any) -> set[str]:
    return {it.get_text() for it in figure.findobj(Text)}


@pytest.mark.parametrize("drawer", DRAWERS)
def test_any_text_is_drawn_without_a_warning_and_to_the_same_bytes(drawer, tmp_path):
    settings = dict(matplotlib.rcParams)
    one, two = (figures.save(DRAWERS[drawer](), tmp_path / f"{n}.png", dpi=50) for n in range(2))
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == settings
    assert {it.name for it in tmp_path.iterdir()} == {"0.png", "1.png"}


@pytest.mark.parametrize("drawer", EMPTY)
def test_nothing_and_next_to_nothing(drawer, tmp_path):
    figures.save(EMPTY[drawer](), tmp_path / "it.png", dpi=50)


def test_letters_no_font_has_become_boxes(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "FURTHER", ())
    assert figures.in_fonts("a한\nb\U000f0000") == ("a□\nb□", ("DejaVu Sans",))
    figures.save(figures.tinted_text(list("한국 a"), [1, 2, 3, 4]), tmp_path / "it.png", dpi=50)


def test_an_installed_font_is_taken_for_letters_it_has():
    having = [it for it in figures.FURTHER if "한" in figures.letters(it)]
    shown, families = figures.in_fonts("a한")
    assert (shown, families) == (("a한", ("DejaVu Sans", having[0])) if having else ("a□", ("DejaVu Sans",)))
    assert figures.letters("no such font") == frozenset()


def test_pyplot_is_never_imported(tmp_path):
    code = """
import sys, tidegate.drawing
assert "matplotlib" not in sys.modules and "torch" not in sys.modules
from tidegate.drawing import figures
figures.save(figures.line_chart({"a": ([1, 2], [3, 4])}), sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code, str(tmp_path / "it.png")], check=True)


def test_curves_are_those_given():
    figure: Any = figures.line_chart(
        {"a": ([1, 2, 3], [1.0, np.inf, 100.0]), "b": ([1], [2])}, log_y=True, y_label="loss"
    )
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1, np.nan, 100])
    assert axes.get_yscale() == "log"
    assert {"a", "b", "loss"} <= words(figure)


def test_cells_and_labels_are_those_given():
    matrix = np.array([[1.0, -2, 0], [np.nan, 4, 1]])
    figure: Any = figures.heat_map(matrix, ["p", "q"], ["x", "\n", " "], scale=Scale("diverging", 4, "nats"))
    figure.canvas.draw()
    axes, bar = figure.axes
    picture = axes.images[0]
    np.testing.assert_array_equal(np.ma.filled(picture.get_array(), np.nan), matrix)
    assert picture.get_clim() == (-4, 4)
    assert [it.get_text() for it in axes.get_xticklabels()] == ["x", "↵", "␣"]
    assert [it.get_text() for it in axes.get_yticklabels()] == ["p", "q"]
    assert bar.get_ylabel() == "nats"


def test_tints_are_where_their_letters_are():
    figure: Any = figures.tinted_text(["ab", "한", "\n", "c"], [0, 1, np.nan, 2])
    axes = figure.axes[0]
    places = [(*it.get_xy(), it.get_width()) for it in axes.patches]
    assert places == [(0, 0, 2), (2, 0, 2), (0, 1, 1)]
    assert axes.patches[2].get_facecolor()[:3] == pytest.approx(np.array([0x66, 0x25, 0x06]) / 255)
    assert [it.get_position()[0] for it in axes.texts] == [0.5, 1.5, 3, 4.5, 0.5]


def test_strips_share_their_steps():
    figure: Any = figures.strips({"f": [0, 1, 2], "c": [2, 1, 0]}, list("xyz"))
    figure.canvas.draw()
    assert [it.lines[-1].get_ydata().tolist() for it in figure.axes] == [[0, 1, 2], [2, 1, 0]]
    assert [it.get_text() for it in figure.axes[1].get_xticklabels()] == ["x", "y", "z"]
    assert {"f", "c"} <= words(figure)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "it.png"
    path.write_bytes(b"before")
    figure = figures.line_chart({})

    def fails(file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fails)
    with pytest.raises(OSError, match="disk full"):
        figures.save(figure, path)
    assert [it.name for it in tmp_path.iterdir()] == ["it.png"]
    assert path.read_bytes() == b"before"


def test_what_does_not_fit_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match=r"it\.jpg.*figure\.savefig"):
        figures.save(figures.line_chart({}), tmp_path / "it.jpg")
    with pytest.raises(ArgumentError, match="201 rows"):
        figures.tinted_text(["\n"] * 201, [0.0] * 201)
    with pytest.raises(ArgumentError, match="1 pieces"):
        figures.tinted_text(["a"], [1, 2])
    with pytest.raises(ArgumentError, match="16 columns"):
        figures.tinted_text(["a"], [1], width=2)
    with pytest.raises(ArgumentError, match="one length"):
        figures.strips({"a": [1], "b": [1, 2]})
    with pytest.raises(ArgumentError, match="one or more"):
        figures.strips({})
    with pytest.raises(ArgumentError, match="1 steps"):
        figures.strips({"a": [1]}, ["x", "y"])

    def missing(module):
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr(figures, "import_module", missing)
    with pytest.raises(MissingDependencyError, match=r"A figure needs matplotlib: pip install 'tidegate\[look\]'"):
        figures.line_chart({})
