"""Converted layers beside the program that wrote their file, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from tidegate.convert.result import Converted
from tidegate.errors import ArgumentError

COMPARED = {"Keras": "tidegate.convert.keras_files.keras_comparison:compare_with_keras"}
"""For the start of a format's name the function that compares, imported on use."""


def compare(found: Converted) -> dict[str, float]:
    """Run the layers of a file in the program that wrote it and here, on the same random input.

    Args:
        found: from `tidegate.convert.read`.

    Returns:
        For each layer that could be compared the largest difference, as a share of the largest output.

    Raises:
        ArgumentError: for such files there is no comparison.
        DataError: a layer gives something else there, or the file is not the one that was read.
        MissingDependencyError: that program is not installed.
    """
    for start, place in COMPARED.items():
        if found.format.startswith(start):
            module, _, function = place.partition(":")
            compared: Callable[[Converted], dict[str, float]] = getattr(import_module(module), function)
            return compared(found)
    raise ArgumentError(f"{found.path}: there is no comparison for {found.format}, only for {', '.join(COMPARED)}.")
