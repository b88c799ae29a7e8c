"""Converted layers beside the program that wrote their file, where it is installed."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from importlib import import_module

from tidegate.convert.result import Converted
from tidegate.errors import ArgumentError, MissingDependencyError

COMPARED = {
    "Keras": "tidegate.convert.keras_files.keras_comparison:compare_with_keras",
    "ONNX": "tidegate.convert.onnx_files.onnx_comparison:compare_with_onnx_runtime",
}
"""For the start of a format's name the function that compares, imported on use."""

RUNTIMES = {"Keras": ("Keras", "keras"), "ONNX": ("ONNX Runtime", "onnxruntime")}
"""And what it compares with: its name, and that of its package."""


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


def comparison_line(found: Converted) -> str:
    """Return what `compare` finds as a line of the report: "compared with ONNX Runtime 1.31.1: 3e-07".

    Args:
        found: from `tidegate.convert.read`.

    Returns:
        The line, with the largest difference of all layers; why there is none, if the other program is not installed;
        "" for files of programs that there is no comparison with.

    Raises:
        DataError: as of `compare`.
    """
    start = next((it for it in COMPARED if found.format.startswith(it)), None)
    if start is None:
        return ""
    name, package = RUNTIMES[start]
    try:
        differences = compare(found)
    except MissingDependencyError:
        return f"not compared: {package} is not installed"
    left = len(found.layers) - len(differences)
    most = f"{max(differences.values()):.0e}" if differences else "no layer"
    more = f" ({left} of {len(found.layers)} layers were left out)" if left else ""
    return f"compared with {name} {importlib.metadata.version(package)}: {most}{more}"
