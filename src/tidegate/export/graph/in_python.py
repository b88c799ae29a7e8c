"""What a model that can be exported gives in Python, for one sequence: what an export is compared with."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tidegate.export.graph.graph import Graph
from tidegate.export.graph.modules import DROP_INS, RECURRENT
from tidegate.nn.evaluating import evaluating
from tidegate.tasks.classify.task import Classifier
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.probe.task import Probe
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.tag.model import Tagger
from tidegate.text import LanguageModel


def random_inputs(graph: Graph, steps: int, seed: int = 0) -> list[Tensor]:
    """Draw a sequence for each input of a graph: tokens (T,), or frames (T, size); masks of cells are in 0..1."""
    generator = torch.Generator().manual_seed(seed)
    masks = {it.name for value in graph.layers() for it in value.of[1:] if it.part is None}
    found = []
    for value in graph.inputs:
        if value.tokens is not None:
            found.append(torch.randint(value.tokens, (steps,), generator=generator))
        elif value.name in masks:
            found.append(torch.rand(steps, value.size, generator=generator))
        else:
            found.append(torch.randn(steps, value.size, generator=generator))
    return found


def outputs(model: nn.Module, graph: Graph, inputs: list[Tensor]) -> Tensor:
    """Return what a model gives for one sequence.

    Args:
        model: the model of the graph.
        graph: from `tidegate.export.graph.models.graph_of`.
        inputs: a sequence for each input of the graph: tokens (T,), or frames (T, size).

    Returns:
        (T, outputs), or (1, outputs) of a model with one vector for the whole sequence.
    """
    x, lengths = inputs[0], torch.tensor([len(inputs[0])])
    with torch.no_grad(), evaluating(model):
        match model:
            case LanguageModel():
                return model(x[None])[0][0]
            case Tagger():
                return model({"inputs": (x[None], lengths)})[0]  # type: ignore[arg-type]
            case Classifier() | Probe():
                return model(x[None], lengths).flatten(0, -2)
            case Forecaster():
                return model(x[None], lengths)[0][0].flatten(1)
            case Regressor():
                return model(x[:, None])[0][:, 0]
            case _:
                masks = {value.name: it for value, it in zip(graph.inputs[1:], inputs[1:], strict=True)}
                return _sequential(model, x[:, None], masks)[:, 0]


def _sequential(module: nn.Module, x: Tensor, masks: dict[str, Tensor]) -> Tensor:
    """Run modules one after another on (T, 1, ·); recurrent layers hand their outputs on."""
    if type(module) is nn.Sequential:
        for own in module:
            x = _sequential(own, x, masks)
        return x
    if not (isinstance(module, RECURRENT) or type(module) in DROP_INS):
        return module(x)
    layers: Any = module
    own_masks = {}
    if isinstance(module, RECURRENT):
        cells = [layers.layer_cell(n, way) for n in range(layers.num_layers) for way in range(1 + layers.bidirectional)]
        own_masks = {name: mask for name, mask in masks.items() if any(name in cell.masks for cell in cells)}
    if layers.batch_first:
        given = {name: mask.expand(-1, 1).t() if mask.shape[1] == 1 else mask[None] for name, mask in own_masks.items()}
        return layers(x.transpose(0, 1), **({"masks": given} if given else {}))[0].transpose(0, 1)
    given = {name: mask if mask.shape[1] == 1 else mask[:, None] for name, mask in own_masks.items()}
    return layers(x, **({"masks": given} if given else {}))[0]
