"""Save as SVG: each chart's file is XML with a point for every number, in light colours, from the page and a report."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.serve.conftest import Visit

Start = Callable[..., Visit]
SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Any, name: str, *, by_keyboard: bool = False) -> tuple[str, ElementTree.Element]:
    """Save a chart; the name of the file, and its root."""
    button = page.get_by_role("button", name=f"Save as SVG: {name}", exact=True).first
    with page.expect_download() as started:
        if by_keyboard:
            button.focus()
            page.keyboard.press("Enter")
        else:
            button.click()
    text = Path(started.value.path()).read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert "class=" not in text  # no style sheet of the page is needed
    assert "style" not in {it.tag.removeprefix(SVG) for it in root.iter()}
    return started.value.suggested_filename, root


def counts(root: ElementTree.Element) -> list[int]:
    """How many points each curve has."""
    return [len(it.attrib["points"].split()) for it in root.iter(f"{SVG}polyline")]


def texts(root: ElementTree.Element) -> list[str]:
    return [it.text or "" for it in root.iter(f"{SVG}text")]


def test_a_line_chart_has_a_point_for_every_number(address: str, visit: Start):
    page = visit(address).open("training")
    answer = page.request.get(f"{address}api/training?run=0").json()
    name, root = saved(page, "Loss, nats per character", by_keyboard=True)
    assert name == "hostile-training-Loss-nats-per-character.svg"
    steps = {row[0] for row in answer["train"] + answer["validation"]}
    expected = [len(answer["train"]), len(answer["validation"])] + [len(steps)] * len(answer["baselines"])
    assert counts(root) == expected
    assert {"step", "nats per character", "training", "validation", *answer["baselines"]} <= set(texts(root))
    places = [point.split(",") for it in root.iter(f"{SVG}polyline") for point in it.attrib["points"].split()]
    assert all(0 <= float(x) <= float(root.attrib["width"]) for x, _ in places)
    assert all(0 <= float(y) <= float(root.attrib["height"]) for _, y in places)
    losses = [row[1] for row in answer["train"]]
    heights = [float(point.split(",")[1]) for point in next(root.iter(f"{SVG}polyline")).attrib["points"].split()]
    assert heights.index(min(heights)) == losses.index(max(losses))  # y grows upwards


def test_a_logarithmic_chart_has_its_decades(address: str, visit: Start):
    page = visit(address).open("memory")
    answer = page.request.get(f"{address}api/flow?start=0&text=0").json()
    _, root = saved(page, "Mean gradient against distance")
    assert counts(root) == [sum(it > 0 for it in state["curve"]) for state in answer["states"]]
    assert any(it.startswith("1e-") for it in texts(root))


def test_a_heat_map_has_a_pixel_for_every_number_in_light_colours(address: str, visit: Start):
    files = {}
    for scheme in ("light", "dark"):
        page = visit(address, color_scheme=scheme).open("cells", layer=1, name="c", unit=4)
        name, root = saved(page, "c of all hidden units of layer 1")
        (image,) = root.iter(f"{SVG}image")
        files[scheme] = ElementTree.tostring(root)
        png = b64decode(image.attrib["href"].removeprefix("data:image/png;base64,"))
        assert png.startswith(b"\x89PNG")
        assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (120, 12)
        assert "unit 0" in texts(root)
        assert page.evaluate("document.documentElement.dataset.theme ?? 'none'") == "none"
    assert name == "hostile-cells-c-of-all-hidden-units-of-layer-1.svg"
    assert files["dark"] == files["light"]


def test_a_scatter_plot_has_a_circle_for_every_hidden_unit(address: str, visit: Start):
    page = visit(address).open("gates", layer=1, unit=3)
    _, root = saved(page, "f, layer 1")
    circles = list(root.iter(f"{SVG}circle"))
    assert len(circles) == 12
    assert [n for n, it in enumerate(circles) if it.attrib["r"] == "5"] == [3]


def test_a_report_saves_the_same_files(address: str, report_file: Path, visit: Start):
    charts = {"training": "Learning rate", "memory": "Gradients of h in layer 0, every prediction against every step"}
    for screen, name in charts.items():
        live = saved(visit(address).open(screen), name)
        there = visit(report_file.as_uri(), offline=True)
        kept = saved(there.open(screen), name)
        assert ElementTree.tostring(kept[1]) == ElementTree.tostring(live[1])
        assert kept[0] == live[0]
        assert [it for it in there.asked if not it.startswith(("data:", "blob:"))] == [there.asked[0]]
