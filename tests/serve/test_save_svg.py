"""Copy, CSV and SVG: files have every number; drawings are XML in light colours, from the page and from a report."""

from __future__ import annotations

import csv
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.serve.conftest import Visit

Start = Callable[..., Visit]
SVG = "{http://www.w3.org/2000/svg}"


def saved(page: Any, name: str, *, kind: str = "SVG", by_keyboard: bool = False) -> tuple[str, str]:
    """Save a chart or table; the name of the file, and its text."""
    button = page.get_by_role("button", name=f"Save as {kind}: {name}", exact=True).first
    with page.expect_download() as started:
        if by_keyboard:
            button.focus()
            page.keyboard.press("Enter")
        else:
            button.click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes().decode()


def drawing(page: Any, name: str) -> tuple[str, ElementTree.Element]:
    """Save a drawing; the name of the file, and its root."""
    file, text = saved(page, name)
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert not re.search(r"\b(class|style)=|<style|var\(|light-dark", text)  # no style sheet of the page is needed
    return file, root


def rows(page: Any, name: str) -> list[list[str]]:
    return list(csv.reader(saved(page, name, kind="CSV")[1].splitlines()))


def points(root: ElementTree.Element) -> list[int]:
    """How many points each curve has."""
    groups = [it for it in root.iter(f"{SVG}g") if it.attrib.get("stroke-width") == "1.75px"]
    return [sum(len(re.findall("[ML]", path.attrib["d"])) for path in it) for it in groups]


def texts(root: ElementTree.Element) -> list[str]:
    return [it.text or "" for it in root.iter(f"{SVG}text")]


def test_a_line_chart_has_every_number(address: str, visit: Start):
    page = visit(address).open("training")
    answer = page.request.get(f"{address}api/training?run=0").json()
    name, root = drawing(page, "Loss, nats per character")
    assert name == "hostile-training-Loss-nats-per-character.svg"
    assert points(root) == [len(answer["train"]), len(answer["validation"])]
    written = texts(root)
    assert {"step", "nats per character", "training", "validation"} <= set(written)
    assert all(any(it.startswith(f"{base} ") for it in written) for base in answer["baselines"])
    file, table = saved(page, "Loss, nats per character", kind="CSV", by_keyboard=True)
    assert file == "hostile-training-Loss-nats-per-character.csv"
    assert table.count("\r\n") == 1 + len({row[0] for row in answer["train"] + answer["validation"]})
    head, *body = csv.reader(table.splitlines())
    assert head == ["step", "training", "validation", *answer["baselines"]]
    training = {int(row[0]): float(row[1]) for row in body if row[1]}
    assert training == {row[0]: row[1] for row in answer["train"]}


def test_a_logarithmic_chart_has_all_its_ticks(address: str, visit: Start):
    page = visit(address).open("memory")
    answer = page.request.get(f"{address}api/flow?start=0&text=0").json()
    _, root = drawing(page, "Mean gradient by distance")
    assert points(root) == [sum(it > 0 for it in state["curve"]) for state in answer["states"]]
    numbers = [it for group in root.iter(f"{SVG}g") if group.attrib.get("text-anchor") == "end" for it in group]
    written = [float(it.text or "nan") for it in numbers]
    curves = [it for state in answer["states"] for it in state["curve"] if it > 0]
    assert len(written) > 1
    assert all(min(curves) <= it <= max(curves) for it in written)
    assert written == sorted(written)


def test_a_heat_map_has_a_pixel_for_every_number_in_light_colours(address: str, visit: Start):
    files = {}
    for scheme in ("light", "dark"):
        page = visit(address, color_scheme=scheme).open("cells", layer=1, name="c", unit=4)
        name, root = drawing(page, "c of all hidden units of layer 1")
        (image,) = root.iter(f"{SVG}image")
        files[scheme] = ElementTree.tostring(root)
        png = b64decode(image.attrib["href"].removeprefix("data:image/png;base64,"))
        assert png.startswith(b"\x89PNG")
        assert (int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")) == (120, 12)
        assert {str(unit) for unit in range(12)} <= set(texts(root))
        numbers = page.locator("figure:has(.heat) .scale-ticks span").all_text_contents()
        assert len(numbers) == 3
        assert set(numbers) <= set(texts(root))  # the scale is in the file, too
        assert page.evaluate("document.documentElement.dataset.theme ?? 'none'") == "none"
    assert name == "hostile-cells-c-of-all-hidden-units-of-layer-1.svg"
    assert files["dark"] == files["light"]


def test_a_scatter_plot_has_a_circle_for_every_hidden_unit(address: str, visit: Start):
    page = visit(address).open("gates", layer=1, unit=3)
    _, root = drawing(page, "f, layer 1")
    circles = [it for it in root.iter(f"{SVG}circle") if it.attrib.get("visibility") != "hidden"]
    assert len(circles) == 12
    assert [n for n, it in enumerate(circles) if it.attrib["r"] == "5"] == [3]
    answer = page.request.get(f"{address}api/gates?run=0&text=0").json()
    (there,) = [it for it in answer["squashed"] if (it["layer"], it["name"]) == (1, "f")]
    assert [[float(it) for it in row[1:]] for row in rows(page, "f, layer 1")[1:]] == [
        list(it) for it in zip(there["low"], there["high"], strict=True)
    ]


def test_copied_numbers_are_those_of_the_table(address: str, visit: Start):
    there = visit(address, permissions=["clipboard-read", "clipboard-write"])
    page = there.open("memory")
    page.get_by_role("button", name="Copy the numbers: How gradients fade", exact=True).click()
    page.get_by_text("copied", exact=True).wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert [line.split("\t") for line in lines] == rows(page, "How gradients fade")
    assert len(lines) == 5  # c and h of two layers, and the names of the columns


@pytest.mark.parametrize("screen", ["training", "memory"])
def test_a_report_saves_the_same_files(address: str, report_file: Path, visit: Start, screen: str):
    name = {"training": "Learning rate", "memory": "Gradients of h in layer 0, every prediction against every step"}[
        screen
    ]
    live = drawing(visit(address).open(screen), name)
    there = visit(report_file.as_uri(), offline=True)
    kept = drawing(there.open(screen), name)
    assert ElementTree.tostring(kept[1]) == ElementTree.tostring(live[1])
    assert kept[0] == live[0]
    assert [it for it in there.asked if not it.startswith(("data:", "blob:"))] == [there.asked[0]]
