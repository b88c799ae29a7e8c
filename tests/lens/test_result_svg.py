"""`.svg()` of results: files of their own, whose charts are those of the notebook view."""

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tidegate.errors import ArgumentError
from tidegate.lens.memory.clipping import Clipping
from tidegate.lens.memory.gradient_flow import Flow
from tidegate.lens.memory.memory_time import MemoryTime
from tidegate.lens.memory.step_jacobian import StepJacobians
from tidegate.lens.predictions.compare import KnownLetters
from tidegate.lens.record.trace import Trace
from tidegate.lens.tasks import Choices, ForecasterLook, Look, Steps
from tidegate.nn.record.labelled_array import LabelledArray

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>&\"'"
TRACE = Trace({(0, 0): {"h": np.linspace(-1, 1, 12).reshape(4, 3)}}, (HOSTILE, "b", "c", "d"))
CHOICES = Choices((HOSTILE, "no"), np.full((4, 2), 0.5, np.float32))
STEPS = Steps((HOSTILE, "b", "c", "d"), TRACE, choices=CHOICES)
HALVES = np.full((4, 4), 0.5)


def forecast() -> ForecasterLook:
    levels, quantiles = (0.1, 0.25, 0.5, 0.75, 0.9), np.ones((4, 5))
    return ForecasterLook(
        "forecast", {"input": Steps((), TRACE)}, {}, None, None, levels, np.ones(4), quantiles, quantiles
    )


RESULTS: dict[str, tuple[Any, int]] = {
    "one axis": (TRACE.sel(layer=0, direction=0, name="h", unit=1), 1),
    "two axes": (TRACE.sel(layer=0, direction=0, name="h"), 1),
    "trace": (TRACE, 1),
    "choices": (CHOICES, 1),
    "steps": (STEPS, 1),
    "steps without choices": (Steps((), TRACE), 1),
    "look": (Look("tag", {"input": STEPS}, {}, None, np.full((2, 4), 0.25, np.float32)), 2),
    "forecast": (forecast(), 1),
    "flow": (Flow(np.arange(4), np.zeros(4), {(0, "h"): np.tril(HALVES)}, ("a", "b", "c", HOSTILE)), 2),
    "clipping": (Clipping(1.0, np.array([5, 10]), np.array([0.1, 0.2]), np.array([2.0, 3.0])), 2),
    "memory time": (MemoryTime(np.full(4, 0.5), np.ones(4), np.ones(4)), 1),
    "jacobians": (StepJacobians(HALVES[None], {"h": slice(0, 4)}), 2),
    "known letters": (KnownLetters(np.arange(4), np.ones(4, np.int64), np.full(4, 0.5), np.ones(4), np.ones(4)), 2),
}


@pytest.mark.parametrize("name", RESULTS)
def test_the_file_has_the_charts_of_the_notebook_one_below_the_other(name: str):
    result, count = RESULTS[name]
    root = ElementTree.fromstring(result.svg())
    assert root.tag == f"{SVG}svg"
    charts = root.findall(f"{SVG}svg")
    assert len(charts) == count
    assert all(it.find(f"{SVG}path") is not None or it.find(f"{SVG}image") is not None for it in charts)
    ends = np.cumsum([0, *(int(it.attrib["height"]) for it in charts)]).tolist()
    assert [int(it.attrib["y"]) for it in charts] == ends[:-1]
    assert (int(root.attrib["height"]), root.attrib["viewBox"]) == (ends[-1], f"0 0 {root.attrib['width']} {ends[-1]}")


def test_labels_are_text():
    assert HOSTILE[:8] in "".join(ElementTree.fromstring(CHOICES.svg()).itertext())
    assert "<script" not in CHOICES.svg()


def test_a_result_without_a_chart_raises():
    with pytest.raises(ArgumentError, match="nothing to draw"):
        LabelledArray(np.ones(()), ()).svg()
