"""Reprs are short: what differs from the default, and of arrays and tensors the kind and shape."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

import tidegate
from tidegate.drawing.brief import brief, brief_repr

HEAVY = ("NDArray", "ndarray", "Tensor")
INTERNAL = ("tidegate.engine.backends.", "tidegate.engine.kernels.", "tidegate.engine.program.")


@dataclass
class Thing:
    size: int
    scale: float = 1.0
    notes: list[str] = field(default_factory=list)
    values: Any = None

    __repr__ = brief_repr


def test_fields_with_their_defaults_are_left_out() -> None:
    assert repr(Thing(3)) == "Thing(size=3)"
    assert repr(Thing(3, 2.0, ["a"])) == "Thing(size=3, scale=2.0, notes=['a'])"
    assert repr(Thing(3, 1)) == "Thing(size=3, scale=1)"  # another type than the default's


def test_large_values_are_shown_by_kind_and_shape() -> None:
    assert repr(Thing(3, values=torch.zeros(9, 4))) == "Thing(size=3, values=Tensor(9, 4))"
    assert brief({"a": np.zeros((5, 2))}) == "{'a': ndarray(5, 2)}"
    assert brief(torch.nn.Sequential(torch.nn.Linear(2, 2))) == "Sequential(...)"
    assert len(brief(list(range(10_000)))) < 100
    assert len(brief("x" * 10_000)) < 100


def _dataclasses() -> Iterator[type]:
    for module in pkgutil.walk_packages(tidegate.__path__, "tidegate."):
        if not module.name.endswith("__main__"):
            for it in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(it) and it.__module__ == module.name and dataclasses.is_dataclass(it):
                    yield it


def test_no_result_with_arrays_has_a_generated_repr() -> None:
    """The generated one writes every array out."""
    generated = [
        f"{it.__module__}.{it.__name__}"
        for it in _dataclasses()
        if not it.__name__.startswith("_") and not it.__module__.startswith(INTERNAL)
        if any(
            word in str(one.type) and "Callable" not in str(one.type)
            for one in dataclasses.fields(it)
            for word in HEAVY
        )
        if inspect.unwrap(it.__repr__).__code__.co_filename == "<string>"
    ]
    assert not generated


@pytest.mark.parametrize("values", [np.float64(1.0), np.zeros(2), torch.zeros(2)])
def test_a_default_is_not_compared_with_an_array(values: Any) -> None:
    assert "values=" in repr(Thing(3, values=values))
