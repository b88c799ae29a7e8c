"""Scales of vectors from data, for weights and vectors in 8 bits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tidegate.engine.int8 import LARGEST
from tidegate.errors import ArgumentError
from tidegate.export.graph.evaluated import evaluate, exact
from tidegate.export.graph.graph import Graph
from tidegate.export.int8.arithmetic import TINY


def calibrated_scales(graph: Graph, sequences: Sequence[Tensor]) -> dict[str, float]:
    """Return the scale of each vector that a model multiplies: the largest number in it on some sequences, over 127.

    Args:
        graph: the model; it has one input.
        sequences: tokens (T,) or frames (T, size) each.

    Raises:
        ArgumentError: the model has several inputs, a sequence does not fit it, or a vector has no scale: it holds
            numbers that are not finite, or zeros only.
    """
    if len(graph.inputs) != 1:
        names = ", ".join(it.name for it in graph.inputs)
        raise ArgumentError(f"Only a model with one input can be calibrated, and this has {names}: leave it out.")
    (source,) = graph.inputs
    largest: dict[str, Tensor] = {}

    def multiply(name: str, matrix: Tensor, vectors: Tensor) -> Tensor:
        largest[name] = torch.maximum(largest.get(name, torch.zeros(())), vectors.abs().max())  # NaN, if one is
        return exact(name, matrix, vectors)

    for number, sequence in enumerate(sequences):
        expected = "tokens (T,)" if source.tokens is not None else f"frames (T, {source.size})"
        fits = sequence.ndim == 1 if source.tokens is not None else sequence.shape[1:] == (source.size,)
        if not (fits and len(sequence)):
            raise ArgumentError(
                f"Calibration sequence {number} has the shape {tuple(sequence.shape)}; the model reads {expected}."
            )
        if source.tokens is not None and not 0 <= int(sequence.min()) <= int(sequence.max()) < source.tokens:
            raise ArgumentError(f"Calibration sequence {number} has tokens outside of 0..{source.tokens - 1}.")
        evaluate(graph, {source.name: sequence.long() if source.tokens is not None else sequence.float()}, multiply)
    if not largest:
        raise ArgumentError("The data to calibrate with hold no sequence.")
    found = {name: float(it) for name, it in largest.items()}
    for name, number in found.items():
        if not TINY <= number < torch.inf:
            what = "zeros only" if number < TINY else "a number that is not finite"
            raise ArgumentError(f"Calibration finds {what} in {name}, which has no scale then: give other data.")
    return {name: number / LARGEST for name, number in found.items()}
