"""What graphs compute in PyTorch is what their models do; products in 8 bits are those of NumPy's whole numbers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import tidegate
from tidegate.cells import CELLS, get_cell, with_heads
from tidegate.export.graph.evaluated import evaluate
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.models import graph_of
from tidegate.export.graph.parts import Columns, Concat, Convolution, Numbers, Pool
from tidegate.export.int8.arithmetic import rounded_products

COMPOSED: dict[str, Any] = {
    "projected": lambda: tidegate.nn.LSTM(5, 7, proj_size=3, bidirectional=True, num_layers=2, backend="reference"),
    "heads": lambda: tidegate.nn.Recurrent(with_heads(get_cell("gru_original"), 3), 5, 6, backend="reference"),
}


@pytest.mark.parametrize("kind", [*CELLS, *COMPOSED])
def test_layers(kind: str) -> None:
    made = COMPOSED.get(kind, lambda: tidegate.nn.Recurrent(kind, 5, 7, learn_initial_state=True, backend="reference"))
    layer = made()
    with torch.no_grad():
        for p in layer.parameters():
            p.uniform_(-0.5, 0.5)
        graph, x = graph_of(layer), torch.randn(4, 5)
        masks = {value.name: torch.rand(4, 1) for value in graph.inputs[1:]}
        expected = layer(x[:, None], **({"masks": masks} if masks else {}))[0][:, 0]
    torch.testing.assert_close(evaluate(graph, {"x": x, **masks}), expected, rtol=1e-5, atol=1e-6)


def test_modules() -> None:
    parts = [nn.Embedding(9, 4), tidegate.nn.GRU(4, 6), nn.LayerNorm(6), nn.ELU(), nn.Linear(6, 3), nn.LogSoftmax(-1)]
    tokens = torch.randint(9, (8,))
    with torch.no_grad():
        h = parts[1](parts[0](tokens)[:, None])[0][:, 0]
        expected = nn.Sequential(*parts[2:])(h)
    torch.testing.assert_close(evaluate(graph_of(nn.Sequential(*parts)), {"tokens": tokens}), expected)


@pytest.mark.parametrize("groups", [1, 4])
def test_convolutions(groups: int) -> None:
    convolution, x = nn.Conv1d(4, 4, 3, dilation=2, groups=groups), torch.randn(9, 4)
    graph = Graph()
    frames = graph.input("x", 4)
    weight, bias = convolution.weight.detach(), convolution.bias
    assert bias is not None
    graph.outputs["y"] = graph.add(Convolution(weight, bias.detach(), 2, depthwise=groups > 1), frames)
    expected = convolution(nn.functional.pad(x.t(), (4, 0)))
    torch.testing.assert_close(evaluate(graph, {"x": x}), expected.detach().t())


def test_what_is_read_of_whole_sequences() -> None:
    graph, frames, score = Graph(), torch.randn(5, 3), torch.randn(5, 1)
    x, s = graph.input("x", 3), graph.input("s")
    pools = [graph.add(Pool(kind), x) for kind in ("last", "first", "mean", "max")]
    attention, ones = graph.add(Pool("attention"), x, s), graph.add(Numbers(torch.ones(2)))
    graph.outputs["y"] = graph.add(Concat(), *pools, graph.add(Columns(1, 2), attention), ones)
    weighted = (score.softmax(0) * frames).sum(0)
    expected = [frames[-1], frames[0], frames.mean(0), frames.amax(0), weighted[1:2], torch.ones(2)]
    found = evaluate(graph, {"x": frames, "s": score})
    torch.testing.assert_close(found, torch.cat(expected)[None])


def rows_in_8_bits(w: Any) -> Any:
    largest = np.abs(w).max(-1, keepdims=True)
    scale = np.where(largest > 0, largest / np.float32(127), 1).astype(np.float32)
    return np.rint(w / scale).astype(np.int64), scale


def test_an_lstm_in_8_bits_is_that_of_numpy() -> None:
    layer = tidegate.nn.LSTM(5, 33)
    given = {name.removesuffix("_l0"): p.detach().numpy() for name, p in layer.named_parameters()}
    w, u, b = (
        rows_in_8_bits(given["weight_ih"]),
        rows_in_8_bits(given["weight_hh"]),
        given["bias_ih"] + given["bias_hh"],
    )
    x = torch.randn(6, 5)
    x[2] = 0
    h, c, expected = np.zeros(33, np.float32), np.zeros(33, np.float32), []

    def product(matrix: Any, vector: Any) -> Any:
        (q, scale), (whole, row_scale) = rows_in_8_bits(vector[None]), matrix
        return (whole @ q[0]).astype(np.float32) * row_scale[:, 0] * scale[0, 0]

    for frame in x.numpy():
        i, f, g, o = np.split(product(w, frame) + product(u, h) + b, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        expected.append(h)
    found = evaluate(graph_of(layer), {"x": x}, rounded_products())
    np.testing.assert_allclose(found.numpy(), np.stack(expected), rtol=1e-5, atol=1e-6)


def test_vectors_with_a_scale_of_their_own_are_cut_off_at_127_of_it() -> None:
    multiply = rounded_products({"linear.x": 0.5})
    given = torch.tensor([[1.24, -1.26, 200.0]])
    eye = torch.eye(3)
    assert multiply("linear.x", eye, given).tolist() == [[1.0, -1.5, 63.5]]
    found: Tensor = multiply("other.x", eye, torch.tensor([[1.0, float("nan"), 1e-31]]))
    assert found.isnan().all()
    assert multiply("other.x", eye, torch.full((1, 3), 1e-31)).tolist() == [[0.0, 0.0, 0.0]]
