"""Whole models as ONNX files: what they give, what they are called with, and what is refused."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.onnx_files.sessions import onnx, run
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import tidegate
from tidegate import export
from tidegate.cells import Step, cell, tanh
from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError, BackendError, MissingDependencyError
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.parts import Convolution
from tidegate.export.onnx import layer_nodes, model_nodes
from tidegate.export.onnx import model_proto as model_proto_of
from tidegate.export.onnx.fused_operators import Activation, FusedForm
from tidegate.export.onnx.model_nodes import Form, ModelNodes
from tidegate.export.onnx.model_proto import model_proto
from tidegate.tasks.classify.task import Classifier, ClassifyConfig
from tidegate.text import LanguageModel, LanguageModelConfig


def written(model: nn.Module, folder: Path, **options: Any) -> Any:
    return onnx.load(export.onnx(model, folder / "model.onnx", **options))


def spread(model: nn.Module) -> Any:
    """The model with parameters large enough to see every fault."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.uniform_(-0.6, 0.6, generator=generator)
    return model.eval()


def axes(proto: Any) -> dict[str, list[Any]]:
    return {
        it.name: [d.dim_param or d.dim_value for d in it.type.tensor_type.shape.dim]
        for it in (*proto.graph.input, *proto.graph.output)
    }


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_torchs_layers_with_lengths_and_states(kind: Any, tmp_path: Path) -> None:
    layer = spread(kind(3, 5, num_layers=2, bidirectional=True))
    proto = written(layer, tmp_path, lengths=True, states=True)
    x, lengths, first = torch.randn(6, 4, 3), torch.tensor([3, 6, 0, 1]), torch.randn(2, 4, 4, 5)
    ends = ("_l0", "_l0_reverse", "_l1", "_l1_reverse")
    states = "hc" if kind is nn.LSTM else "h"
    given = {"x": x.numpy(), "lengths": lengths.numpy()}
    for name, values in zip(states, first, strict=False):
        given |= {f"{name}{end}": it.numpy() for end, it in zip(ends, values, strict=True)}
    found = run(proto, given)
    rows = lengths > 0  # torch takes no sequence without steps
    packed = pack_padded_sequence(x[:, rows], lengths[rows], enforce_sorted=False)
    hx = tuple(first[:, :, rows]) if kind is nn.LSTM else first[0][:, rows]
    with torch.no_grad():
        y, final = layer(packed, hx)
    y = pad_packed_sequence(y, total_length=6)[0]
    np.testing.assert_allclose(found["y"][:, rows.numpy()], y.numpy(), atol=1e-6)
    assert (found["y"][:, 2] == 0).all()
    for name, start, values in zip(states, first, final if kind is nn.LSTM else (final,), strict=False):
        for k, end in enumerate(ends):
            own = found[f"{name}{end}_next"]
            np.testing.assert_allclose(own[rows.numpy()], values[k].detach().numpy(), atol=1e-6)
            assert (own[2] == start[k, 2].numpy()).all()  # ONNX Runtime by itself returns zeros here


def test_batch_and_time_are_free_and_named_alike_in_inputs_and_outputs(tmp_path: Path) -> None:
    first = axes(written(nn.GRU(3, 5), tmp_path, lengths=True))
    assert first == {"x": ["time", "batch", 3], "lengths": ["batch"], "y": ["time", "batch", 5]}
    model = nn.Sequential(tidegate.nn.Recurrent("mgu", 3, 4, batch_first=True), nn.Linear(4, 2))
    proto = written(model, tmp_path, states=True)  # a second export of the process
    assert axes(proto) == {
        "x": ["batch", "time", 3], "h_l0": ["batch", 4], "y": ["batch", "time", 2], "h_l0_next": ["batch", 4],
    }  # fmt: skip


def test_pieces_and_steps_give_what_the_whole_gives(tmp_path: Path) -> None:
    model = spread(nn.Sequential(nn.Linear(3, 4), tidegate.nn.Recurrent("slstm", 4, 5, 2), nn.LayerNorm(5)))
    pieces, step = written(model, tmp_path, states=True), written(model, tmp_path, step=True)
    assert axes(step)["x"] == ["batch", 3]
    x = np.random.default_rng(0).normal(size=(7, 2, 3)).astype(np.float32)
    names = [it.name for it in pieces.graph.input][1:]
    states = {name: np.zeros((2, 5), np.float32) for name in names}
    whole = run(pieces, {"x": x, **states})
    front = run(pieces, {"x": x[:3], **states})
    back = run(pieces, {"x": x[3:], **{name: front[f"{name}_next"] for name in names}})
    np.testing.assert_allclose(np.concatenate([front["y"], back["y"]]), whole["y"], atol=1e-6)
    for t, frame in enumerate(x):
        found = run(step, {"x": frame, **states})
        states = {name: found[f"{name}_next"] for name in names}
        np.testing.assert_allclose(found["y"], whole["y"][t], atol=1e-6)


@pytest.mark.parametrize("embedding", [None, 6])
def test_a_language_model_from_tokens_to_log_probabilities(embedding: int | None, tmp_path: Path) -> None:
    config = LanguageModelConfig(vocabulary_size=9, hidden_size=7, num_layers=2, embedding_size=embedding)
    model = spread(LanguageModel(config))
    proto = written(model, tmp_path, metadata={"vocabulary": ["a", "é"]})
    tokens = torch.randint(9, (2, 5))
    with torch.no_grad():
        expected = model(tokens)[0].log_softmax(-1)
    found = run(proto, {"tokens": tokens.numpy()})["log_probabilities"]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    said = {it.key: json.loads(it.value) for it in proto.metadata_props}
    assert said["vocabulary"] == ["a", "é"]
    assert said["cells"]["lstm"][0].startswith("i_t = σ(W_i x_t")
    with pytest.raises(Exception, match="out of"):  # ONNX's OneHot would make zeros of it
        run(proto, {"tokens": np.full((1, 1), 9)})


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_a_classifier_with_lengths(pooling: Any, tmp_path: Path) -> None:
    preprocessing = Preprocessing(
        {"input": "frames", "mean": [0.5, -1.0], "deviation": [2.0, 0.5], "labels": ["a", "b", "c"], "counts": {}}
    )
    model = spread(Classifier(ClassifyConfig(hidden_size=4, pooling=pooling), preprocessing))
    proto = written(model, tmp_path, lengths=True)
    x, lengths = torch.randn(4, 5, 2), torch.tensor([2, 5, 0, 1])
    with torch.no_grad():
        expected = model(x, lengths).log_softmax(-1)
    found = run(proto, {"x": x.numpy(), "lengths": lengths.numpy()})
    np.testing.assert_allclose(found["log_probabilities"], expected.numpy(), atol=1e-5)
    with pytest.raises(ArgumentError, match="no single step: "):
        written(model, tmp_path, step=True)


@pytest.mark.parametrize("cell", ["lstm", "ugrnn"])
def test_lengths_that_there_are_not_are_refused_when_the_model_runs(cell: str, tmp_path: Path) -> None:
    proto = written(tidegate.nn.Recurrent(cell, 3, 4), tmp_path, lengths=True)
    x = np.zeros((5, 2, 3), np.float32)
    run(proto, {"x": x, "lengths": np.array([5, 0])})
    for wrong in (6, -1):
        with pytest.raises(Exception, match="out of data bounds"):
            run(proto, {"x": x, "lengths": np.array([5, wrong])})


def test_states_of_a_traced_module_are_numbered_in_its_order(tmp_path: Path) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = tidegate.nn.LSTM(3, 4, batch_first=True)
            self.second = nn.GRU(4, 5, batch_first=True, bidirectional=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(torch.relu(self.first(x)[0]))[0]

    program = export.program(Model().eval(), torch.randn(2, 6, 3))
    made = export.onnx(program, tmp_path / "model.onnx", lengths=True, states=True)
    assert [*made.inputs] == ["x", "lengths", "h_l0", "c_l0", "h_l1", "h_l1_reverse"]


def test_learned_initial_states(tmp_path: Path) -> None:
    layer = spread(tidegate.nn.Recurrent("gru", 3, 4, learn_initial_state=True))
    written(layer, tmp_path, lengths=True)  # compared with Python there
    proto = written(layer, tmp_path, step=True)
    said = {it.key: json.loads(it.value) for it in proto.metadata_props}
    assert said["initial_states"] == {"h_l0": pytest.approx(layer.initial_h_l0.tolist())}


def test_masks_are_inputs(tmp_path: Path) -> None:
    proto = written(spread(tidegate.nn.Recurrent("time_lstm", 3, 4)), tmp_path, lengths=True)
    assert axes(proto)["dt"] == ["time", "batch", 1]


SIGMOID: Activation = ("Sigmoid", (), ())
TANH: Activation = ("Tanh", (), ())
SABOTAGED = {
    "swapped gates": FusedForm("LSTM", ("i", "f", "o", "g"), (SIGMOID, TANH, TANH)),
    "another function": FusedForm("LSTM", ("i", "o", "f", "g"), (SIGMOID, TANH, SIGMOID)),
}


@pytest.mark.parametrize("fault", [*SABOTAGED, "lengths", "sequences without steps", "direction"])
def test_a_graph_that_differs_is_not_written(fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    add, add_layer = FusedForm.add, model_nodes.add_layer

    def without_lengths(self: Any, nodes: Any, cell: Any, weights: Any, x: str, _: str, *of: Any, **how: Any) -> Any:
        return add(self, nodes, cell, weights, x, "", *of, **how)

    def states_of_the_operator(nodes: Any, *of: Any, lengths: Any, **how: Any) -> Any:
        never = nodes.add("Less", lengths.given, nodes.shape(0))
        return add_layer(nodes, *of, lengths=replace(lengths, none=never), **how)

    def forward(*of: Any, reverse: bool, **how: Any) -> Any:
        return add_layer(*of, reverse=False, **how)

    match fault:
        case "lengths":
            monkeypatch.setattr(FusedForm, "add", without_lengths)
        case "sequences without steps":
            monkeypatch.setattr(model_nodes, "add_layer", states_of_the_operator)
        case "direction":
            monkeypatch.setattr(model_nodes, "add_layer", forward)
        case _:
            monkeypatch.setattr(layer_nodes, "fused_form", lambda cell: SABOTAGED[fault])
    with pytest.raises(BackendError, match="nothing was written"):
        export.onnx(spread(nn.LSTM(3, 5, bidirectional=True)), tmp_path / "model.onnx", lengths=True, states=True)
    assert not [*tmp_path.iterdir()]


def test_a_causal_convolution_remembers_its_frames() -> None:
    graph = Graph()
    part = Convolution(torch.randn(4, 3, 3), torch.randn(4), dilation=2)
    graph.outputs["y"] = graph.add(part, graph.input("x", 3))
    x, lengths = torch.randn(2, 6, 3), torch.tensor([4, 0])
    expected = functional.conv1d(functional.pad(x.transpose(1, 2), (4, 0)), part.weight, part.bias, dilation=2)
    proto = model_proto(ModelNodes(graph, Form(states=True)), "model", {})
    start = np.zeros((2, 4, 3), np.float32)
    front = run(proto, {"x": x[:, :3].numpy(), "frames": start})
    back = run(proto, {"x": x[:, 3:].numpy(), "frames": front["frames_next"]})
    found = np.concatenate([front["y"], back["y"]], 1)
    np.testing.assert_allclose(found, expected.transpose(1, 2).numpy(), atol=1e-5)
    proto = model_proto(ModelNodes(graph, Form(states=True, lengths=True)), "model", {})
    start = start + 2
    found = run(proto, {"x": x.numpy(), "frames": start, "lengths": lengths.numpy()})
    np.testing.assert_array_equal(found["frames_next"], np.stack([x[0, :4].numpy(), start[1]]))
    step = model_proto(ModelNodes(graph, Form(states=True, step=True)), "model", {})
    first = run(step, {"x": x[:, 0].numpy(), "frames": np.zeros_like(start)})
    np.testing.assert_allclose(first["y"], expected[:, :, 0].numpy(), atol=1e-5)


def test_what_is_not_float32_is_cast_and_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="float64 is written as float32"):
        proto = written(spread(nn.LSTM(3, 5).double()), tmp_path)
    assert run(proto, {"x": np.ones((2, 1, 3), np.float32)})["y"].dtype == np.float32


def test_refusals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    with pytest.raises(ArgumentError, match="reads sequences from their end"):
        export.onnx(nn.GRU(2, 3, bidirectional=True), file, step=True)
    with pytest.raises(ArgumentError, match="no lengths"):
        export.onnx(nn.GRU(2, 3), file, step=True, lengths=True)
    with pytest.raises(ArgumentError, match="Bilinear at '1' cannot be exported"):
        export.onnx(nn.Sequential(nn.GRU(2, 3), nn.Bilinear(3, 3, 2)), file)

    @cell(gates="a", masks="lengths")
    def confused(x: Any, r: Any, m: Any) -> Step:
        return Step(h=tanh(x.a + r.a) * m.lengths)

    with pytest.raises(ArgumentError, match="Two inputs or outputs would be called 'lengths'"):
        export.onnx(tidegate.nn.Recurrent(confused, 2, 3), file, lengths=True)
    monkeypatch.setattr(model_proto_of, "LARGEST", 100)
    with pytest.raises(ArgumentError, match="at most 2"):
        export.onnx(nn.GRU(2, 3), file)
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="Checking ONNX files needs onnxruntime"):
        export.onnx(nn.GRU(2, 3), file)
    assert not file.exists()
    export.onnx(nn.GRU(2, 3), file, check=False)
    assert file.exists()


def test_alpha_and_beta_are_written_and_the_layout_is_time_first(tmp_path: Path) -> None:
    proto = written(spread(tidegate.nn.Recurrent("odyssey_noaf", 2, 3, batch_first=True)), tmp_path)
    (node,) = [it for it in proto.graph.node if it.op_type == "LSTM"]
    said = {it.name: onnx.helper.get_attribute_value(it) for it in node.attribute}
    assert said["activations"] == [b"Sigmoid", b"Tanh", b"Affine"]
    assert (said["activation_alpha"], said["activation_beta"]) == ([1.0], [0.0])
    assert said["hidden_size"] == 3
    assert "layout" not in said


def test_the_pages_code_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "export_onnx.md"
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    assert names["h"].shape == (1, 20)
    assert eval(blocks[-1].splitlines()[-1], names) == blocks[-1].rpartition("# ")[2].strip().strip("'")
