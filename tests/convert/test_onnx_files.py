"""Files of ONNX give what NumPy computes from their weights, wherever these stand; ONNX Runtime agrees."""

import copy
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.convert.onnx_equations import LAYERS, outputs
from tests.fuzz.mutate import mutated
from torch import nn

from tidegate import export
from tidegate.convert import Converted, read
from tidegate.convert.layers_file import write_layers
from tidegate.convert.onnx_files import constant_values, graph_scopes, model_message, onnx_comparison
from tidegate.convert.runtime_comparison import compare, comparison_line
from tidegate.errors import DataError

onnx = pytest.importorskip("onnx")
helper, numpy_helper = pytest.importorskip("onnx.helper"), pytest.importorskip("onnx.numpy_helper")

I, H, T, N = 5, 3, 7, 2
ORDER = {"X": 0, "W": 1, "R": 2, "B": 3, "sequence_lens": 4, "initial_h": 5, "initial_c": 6, "P": 7}
FLOAT = 1
Weights = dict[str, np.ndarray]


def weights(kind: str, ways: int = 1, inputs: int = I, *, peepholes: bool = False, seed: int = 0) -> Weights:
    draw, rows = np.random.default_rng(seed), LAYERS[kind][1] * H
    shapes = {"W": (ways, rows, inputs), "R": (ways, rows, H), "B": (ways, 2 * rows)}
    shapes |= {"P": (ways, 3 * H)} if peepholes else {}
    return {name: draw.uniform(-1, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def node(kind: str, given: dict[str, str], name: str = "layer", output: str = "Y", **attributes: Any) -> Any:
    names = [""] * (1 + max(ORDER[it] for it in given))
    for it, value in given.items():
        names[ORDER[it]] = value
    return helper.make_node(kind, names, [output], name, **attributes)


def graph(nodes: list[Any], tensors: dict[str, np.ndarray], inputs: tuple[str, ...] = ("x",), out: str = "Y") -> Any:
    stored = [numpy_helper.from_array(it, name) for name, it in tensors.items()]
    given = [helper.make_tensor_value_info(it, FLOAT, None) for it in inputs]
    return helper.make_graph(nodes, "graph", given, [helper.make_tensor_value_info(out, FLOAT, None)], stored)


def save(path: Path, proto: Any, functions: tuple[Any, ...] = ()) -> Path:
    opsets = [helper.make_opsetid(it, 18 if not it else 1) for it in ("", "com.microsoft", "own")]
    path.write_bytes(
        helper.make_model(proto, opset_imports=opsets, functions=functions, ir_version=10).SerializeToString()
    )
    return path


def one(path: Path, kind: str, own: Weights, **attributes: Any) -> Path:
    """A file of one node with its weights as initializers."""
    attributes.setdefault("hidden_size", H)
    return save(path, graph([node(kind, {"X": "x", **{it: it for it in own}}, **attributes)], own))


def x_of(inputs: int = I) -> np.ndarray:
    return np.random.default_rng(9).normal(size=(T, N, inputs)) * 1.5


def played(module: Any, x: np.ndarray, *, flip: bool = False) -> np.ndarray:
    """In float64, so that only the equations count."""
    given, module = torch.from_numpy(x), copy.deepcopy(module).double()
    with torch.no_grad():
        y = module(given.flip(0) if flip else given)[0]
    return (y.flip(0) if flip else y).numpy()


def check(found: Converted, kind: str, own: Weights, name: str = "layer", **attributes: Any) -> None:
    """That a layer gives NumPy's numbers, and ONNX Runtime's."""
    for layer in found.layers.values():
        layer.module.backend = "reference"  # type: ignore[assignment]  # which compiles nothing; slow tests do
    flip = attributes.get("direction") == "reverse"
    expected = outputs(kind, x_of(), own, **attributes)
    np.testing.assert_allclose(played(found[name], x_of(), flip=flip), expected, rtol=0, atol=1e-6)
    pytest.importorskip("onnxruntime")
    assert max(compare(found).values()) < 1e-5


HARD = dict(activations=["HardSigmoid", "Tanh", "Tanh"], activation_alpha=[0.3], activation_beta=[0.4])
CASES: list[tuple[str, dict[str, Any]]] = [
    ("LSTM", {}),
    ("LSTM", dict(direction="reverse")),
    ("LSTM", dict(direction="bidirectional", peepholes=True)),
    ("LSTM", dict(peepholes=True, input_forget=1, clip=0.6)),
    ("LSTM", dict(clip=0.4, **HARD)),
    ("LSTM", dict(activations=["sigmoid", "SOFTSIGN", "ScaledTanh"], activation_alpha=[1.3], activation_beta=[0.7])),
    ("GRU", {}),
    ("GRU", dict(linear_before_reset=1)),
    ("GRU", dict(linear_before_reset=1, direction="bidirectional", clip=0.5)),
    ("GRU", dict(direction="reverse", activations=["Sigmoid", "LeakyRelu"], activation_alpha=[0.2])),
    ("GRU", dict(linear_before_reset=1, activations=["Sigmoid", "Elu"], activation_alpha=[0.8])),
    ("RNN", {}),
    ("RNN", dict(activations=["Relu"], direction="reverse")),
    ("RNN", dict(activations=["ThresholdedRelu"], activation_alpha=[0.3])),
    ("RNN", dict(activations=["Affine"], activation_alpha=[0.3], activation_beta=[0.1], clip=0.9)),
    ("RNN", dict(activations=["Softplus", "Softplus"], direction="bidirectional")),
]


@pytest.mark.parametrize(("kind", "attributes"), CASES, ids=str)
def test_nodes_give_what_numpy_computes(kind: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    own, options = drawn(kind, attributes)
    found = read(one(tmp_path / "a.onnx", kind, own, **options))
    check(found, kind, own, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "attributes"), CASES, ids=str)
def test_nodes_run_on_kernels_and_from_files_of_tidegate(kind: str, attributes: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    own, options = drawn(kind, attributes)
    found = read(one(tmp_path / "a.onnx", kind, own, **options))
    assert max(compare(found).values()) < 1e-5
    again = read(write_layers(found, tmp_path / "layers.safetensors")[0])
    x = torch.from_numpy(x_of()).float()
    with torch.no_grad():
        torch.testing.assert_close(again.module(x)[0], found.module(x)[0], rtol=0, atol=0)


def drawn(kind: str, attributes: dict[str, Any]) -> tuple[Weights, dict[str, Any]]:
    options = dict(attributes)
    ways = 2 if options.get("direction") == "bidirectional" else 1
    return weights(kind, ways, peepholes=options.pop("peepholes", False)), options


def test_defaults_of_alpha_and_beta(tmp_path: Path) -> None:
    own, names = weights("GRU"), ["HardSigmoid", "LeakyRelu"]
    found = read(one(tmp_path / "a.onnx", "GRU", own, activations=names))
    check(found, "GRU", own, activations=names, activation_alpha=[0.2, 0.01], activation_beta=[0.5])
    for name in ("ThresholdedRelu", "Affine", "ScaledTanh"):  # the documentation and ONNX Runtime are not at one
        with pytest.raises(DataError, match=f"{name} is given no activation_alpha"):
            read(one(tmp_path / "a.onnx", "GRU", own, activations=["Sigmoid", name]))


def test_more_numbers_than_functions_take_are_named(tmp_path: Path) -> None:
    own = weights("GRU")
    options: dict[str, Any] = dict(activations=["Sigmoid", "LeakyRelu"], activation_alpha=[0.3, 0.9])
    found = read(one(tmp_path / "a.onnx", "GRU", own, **options))
    check(found, "GRU", own, **options)
    assert "of 2 activation_alpha and 0 activation_beta the first were used" in str(found)


def test_weights_without_bias(tmp_path: Path) -> None:
    own = weights("LSTM")
    del own["B"]
    found = read(one(tmp_path / "a.onnx", "LSTM", own))
    check(found, "LSTM", own)


def computed_weights(own: Weights) -> tuple[list[Any], dict[str, np.ndarray]]:
    """W, R and B of an LSTM from constants in torch's order, as an exporter writes them: cut, put together, turned."""
    tensors: dict[str, np.ndarray] = {"axes": np.array([0]), "every": np.array([1])}
    nodes = []
    for name, value in own.items():
        blocks = np.split(value[0], 8 if name == "B" else 4)  # i o f c
        torch_order = [blocks[n + k] for k in range(0, len(blocks), 4) for n in (0, 2, 3, 1)]
        stacked = np.concatenate(torch_order)
        tensors[f"{name} turned"] = stacked.T.copy()
        nodes.append(helper.make_node("Transpose", [f"{name} turned"], [f"{name} all"]))
        parts = []
        for k in range(0, len(blocks), 4):
            for n, at in (("i", 0), ("o", 3), ("f", 1), ("c", 2)):
                start, end = f"{name} start {k} {n}", f"{name} end {k} {n}"
                tensors[start], tensors[end] = np.array([(k + at) * H]), np.array([(k + at + 1) * H])
                parts.append(f"{name} {k} {n}")
                nodes.append(helper.make_node("Slice", [f"{name} all", start, end, "axes", "every"], [parts[-1]]))
        nodes.append(helper.make_node("Concat", parts, [f"{name} joined"], axis=0))
        nodes.append(helper.make_node("Unsqueeze", [f"{name} joined", "axes"], [f"{name} one"]))
        nodes.append(helper.make_node("Identity", [f"{name} one"], [name]))
    return nodes, tensors


def constants(tensors: dict[str, np.ndarray]) -> list[Any]:
    return [helper.make_node("Constant", [], [name], value=numpy_helper.from_array(it)) for name, it in tensors.items()]


def test_weights_computed_from_constants_in_a_branch(tmp_path: Path) -> None:
    own = weights("LSTM")
    nodes, tensors = computed_weights(own)
    given = {"X": "x", **{it: it for it in own}}
    inner = graph([*constants(tensors), *nodes, node("LSTM", given, "inner", hidden_size=H)], {}, ())
    other = graph([helper.make_node("Identity", ["x"], ["Y"])], {}, ())
    branch = helper.make_node("If", ["yes"], ["Y"], "choice", then_branch=inner, else_branch=other)
    found = read(save(tmp_path / "a.onnx", graph([branch], {"yes": np.array(True)})))
    check(found, "LSTM", own, "inner")
    assert "forward LSTM of ONNX in choice/then_branch" in str(found)


def test_weights_outside_the_body_of_a_scan(tmp_path: Path) -> None:
    own = weights("GRU")
    body = graph([node("GRU", {"X": "row", **{it: it for it in own}}, "inner", hidden_size=H)], {}, ("row",))
    scan = helper.make_node("Scan", ["x"], ["Y"], "steps", body=body, num_scan_inputs=1)
    found = read(save(tmp_path / "a.onnx", graph([scan], own)))
    check(found, "GRU", own, "inner")


def test_functions_are_read_at_each_call(tmp_path: Path) -> None:
    """A function's inputs are what its call gives, its attributes those of the call."""
    layer = helper.make_node("GRU", ["X", "W", "R", "B"], ["Y"], hidden_size=H)
    layer.attribute.append(helper.make_attribute("linear_before_reset", 0))
    layer.attribute[-1].Clear()
    layer.attribute[-1].MergeFrom(
        onnx.AttributeProto(name="linear_before_reset", ref_attr_name="after", type=onnx.AttributeProto.INT)
    )
    opsets = [helper.make_opsetid("", 18)]
    function = helper.make_function("own", "Steps", ["X", "W", "R", "B"], ["Y"], [layer], opsets, ["after"])
    first, second = weights("GRU"), weights("GRU", inputs=H, seed=1)
    tensors = {f"{name}{n}": it for n, own in enumerate((first, second)) for name, it in own.items()}
    calls = [
        helper.make_node("Steps", ["x", "W0", "R0", "B0"], ["y"], "one", domain="own", after=1),
        helper.make_node("Squeeze", ["y", "axis"], ["z"]),
        helper.make_node("Steps", ["z", "W1", "R1", "B1"], ["Y"], "two", domain="own", after=0),
    ]
    found = read(save(tmp_path / "a.onnx", graph(calls, {**tensors, "axis": np.array([1])}), (function,)))
    assert [*found.layers] == ["Y", "Y (2)"]
    assert "in one" in found.layers["Y"].source
    check(found, "GRU", first, "Y", linear_before_reset=1)
    x = x_of(H)
    np.testing.assert_allclose(played(found["Y (2)"], x), outputs("GRU", x, second), atol=1e-6)


def test_stacked_layers_say_what_they_read(tmp_path: Path) -> None:
    first, second = weights("LSTM"), weights("LSTM", inputs=H, seed=1)
    tensors = {f"{name}{n}": it for n, own in enumerate((first, second)) for name, it in own.items()}
    nodes = [
        node("LSTM", {"X": "x", **{it: f"{it}0" for it in first}}, "bottom", "y", hidden_size=H),
        helper.make_node("Squeeze", ["y", "axis"], ["z"]),
        node("LSTM", {"X": "z", **{it: f"{it}1" for it in first}}, "", "top", hidden_size=H),
        node("LSTM", {"X": "z", **{it: f"{it}1" for it in first}}, "twin", hidden_size=H),
    ]
    found = read(save(tmp_path / "a.onnx", graph(nodes, {**tensors, "axis": np.array([1]), "more": np.ones(3)})))
    assert [*found.layers] == ["bottom", "top", "twin"]
    assert "its input is the output of bottom" in found.layers["top"].notes
    assert "the same weights as top" in found.layers["twin"].notes
    assert {*found.others} == {"more"}


def test_lengths_states_and_layout_are_named(tmp_path: Path) -> None:
    own = weights("LSTM")
    states = {"initial_h": np.full((1, N, H), 0.5, np.float32), "initial_c": np.zeros((1, N, H), np.float32)}
    given = {"X": "x", "sequence_lens": "lengths", **{it: it for it in (*own, *states)}}
    made = graph([node("LSTM", given, layout=1, hidden_size=H)], own | states, ("x", "lengths"))
    found = read(save(tmp_path / "a.onnx", made))
    report = str(found)
    for words in ("give them as lengths=", "layout 1", "it begins with layer.initial_h in others"):
        assert words in report
    assert "initial_c" not in report
    torch.testing.assert_close(found.others["layer.initial_h"], torch.full((1, N, H), 0.5))
    del states["initial_h"]
    found = read(save(tmp_path / "b.onnx", graph([node("LSTM", given)], own | states, ("x", "lengths", "initial_h"))))
    assert "initial_h is an input of the graph, 'initial_h': hand it on as a state" in str(found)


def quantized(own: Weights, *, each: bool) -> dict[str, np.ndarray]:
    """Weights as com.microsoft.DynamicQuantizeLSTM has them: turned, in 8 bits, with scales and zero points."""
    found: dict[str, np.ndarray] = {"B": own["B"]}
    for name in ("W", "R"):
        turned = own[name].transpose(0, 2, 1)
        scale = np.abs(turned).max(1 if each else (1, 2)) / 127
        zero = np.zeros_like(scale, np.int8) if each else np.full_like(scale, 3, np.int8)
        wide = scale[:, None, :] if each else scale[:, None, None]
        low = np.round(turned / wide) + (0 if each else 3)
        found |= {name: np.clip(low, -128, 127).astype(np.int8), f"{name}_scale": scale, f"{name}_zero_point": zero}
    return found


def small_file(path: Path, small: dict[str, np.ndarray], way: str = "forward") -> Path:
    names = ["x", "W", "R", "B", "", "", "", "", "W_scale", "W_zero_point", "R_scale", "R_zero_point"]
    hidden = small["R"].shape[1]
    layer = helper.make_node(
        "DynamicQuantizeLSTM", names, ["Y"], "small", domain="com.microsoft", hidden_size=hidden, direction=way
    )
    return save(path, graph([layer], small))


@pytest.mark.parametrize(("each", "ways"), [(False, 1), (True, 2)])
def test_dynamic_quantized_lstm(each: bool, ways: int, tmp_path: Path) -> None:
    own = weights("LSTM", ways)
    small = quantized(own, each=each)
    way = "bidirectional" if ways == 2 else "forward"
    found = read(small_file(tmp_path / "a.onnx", small, way))
    exact: Weights = {"B": own["B"]}
    for name in ("W", "R"):
        scale, zero = (small[f"{name}_{it}"].astype(np.float64) for it in ("scale", "zero_point"))
        shape = (ways, 1, -1)
        exact[name] = ((small[name] - zero.reshape(shape)) * scale.reshape(shape)).transpose(0, 2, 1)
    np.testing.assert_allclose(played(found["small"], x_of()), outputs("LSTM", x_of(), exact, direction=way), atol=1e-6)
    found["small"].backend = "reference"  # type: ignore[assignment]
    assert "its weights are in 8 bits" in str(found)
    pytest.importorskip("onnxruntime")
    assert 1e-5 < compare(found)["small"] < 0.1  # of the inputs, which are rounded there


def test_a_network_that_makes_much_of_rounding_is_compared_over_one_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    draw = np.random.default_rng(0)
    shapes = {"W": (1, 4 * 48, I), "R": (1, 4 * 48, 48), "B": (1, 8 * 48)}
    own = {name: (2 * draw.normal(size=shape)).astype(np.float32) for name, shape in shapes.items()}
    found = read(small_file(tmp_path / "a.onnx", quantized(own, each=False)))
    module = found["small"]
    module.backend = "reference"  # type: ignore[assignment]
    assert compare(found)["small"] < 0.25
    with torch.no_grad():
        for it in module.parameters():
            it.copy_(it.roll(48, 0))  # gates in another order
    with pytest.raises(DataError, match="small gives other numbers in ONNX Runtime"):
        compare(found)
    with torch.no_grad():
        for it in module.parameters():
            it.copy_(it.roll(-48, 0))
    monkeypatch.setattr(onnx_comparison, "STEPS_OF_8_BITS", 40)
    with pytest.raises(DataError, match="small gives other numbers in ONNX Runtime"):
        compare(found)


def test_dequantized_and_half_precision_weights(tmp_path: Path) -> None:
    own = weights("GRU")
    small = np.round(own["W"] * 100).astype(np.int8)
    tensors = {**own, "small": small, "scale": np.array(0.01, np.float32), "R": own["R"].astype(np.float16)}
    del tensors["W"]
    nodes = [
        helper.make_node("DequantizeLinear", ["small", "scale"], ["W"]),
        node("GRU", {"X": "x", "W": "W", "R": "R32", "B": "B"}, hidden_size=H),
    ]
    nodes.insert(0, helper.make_node("Cast", ["R"], ["R32"], to=FLOAT))
    found = read(save(tmp_path / "a.onnx", graph(nodes, tensors)))
    check(found, "GRU", own | {"W": small * np.float64(0.01), "R": tensors["R"]})
    assert "stored in 8 bits or less" in str(found)


def test_refusals_name_the_layer(tmp_path: Path) -> None:
    own = weights("LSTM", 2)
    path, two = tmp_path / "a.onnx", dict(direction="bidirectional")
    mixed = [*("Sigmoid", "Tanh", "Tanh"), *("HardSigmoid", "Tanh", "Tanh")]
    for attributes, words in (
        (dict(activations=mixed), "'layer': its two directions have different functions"),
        (dict(activations=mixed[:3]), "'layer': it has 3 activations, but 6 are needed"),
        (dict(activations=["Sinc"] * 6), "'layer': the activation 'Sinc' is none of ONNX's"),
        (dict(clip=-1.0), "'layer': clip is -1.0"),
        (dict(hidden_size=9), "'layer': hidden_size is 9, but R is of 3 units"),
        (dict(direction="sideways"), "'layer': its direction is 'sideways'"),
        (dict(direction="forward"), r"'layer': W of 1 direction and 3 units is of shape \(2, 12, 5\)"),
        (dict(activations=1.0), "activations of LSTM 'layer' is 1.0"),
    ):
        with pytest.raises(DataError, match=words):
            read(one(path, "LSTM", own, **(two | attributes)))
    given = {"X": "x", **{it: it for it in own}}
    with pytest.raises(DataError, match="'layer' has no weights of its own: W is an input of the graph, 'W'"):
        read(save(path, graph([node("LSTM", given)], {it: own[it] for it in "RB"}, ("x", "W"))))
    tanh = helper.make_node("Tanh", ["x"], ["W"], "odd")
    with pytest.raises(DataError, match="'layer' has no weights of its own: W is the output of Tanh"):
        read(save(path, graph([tanh, node("LSTM", given)], {it: own[it] for it in "RB"})))


def test_networks_taken_apart_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    nodes = [
        helper.make_node("MatMul", ["row", "U"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["i"]),
        helper.make_node("Tanh", ["a"], ["Y"]),
    ]
    body = graph(nodes, {}, ("row",))
    scan = helper.make_node("Scan", ["x"], ["Y"], "steps", body=body, num_scan_inputs=1)
    square = {"U": np.ones((H, H), np.float32)}
    with pytest.raises(DataError, match="no LSTM, GRU or RNN node: steps/body has matrix products with Tanh"):
        read(save(path, graph([scan], square)))
    again = [helper.make_node("MatMul", ["Y", "U"], ["b"]), helper.make_node("Tanh", ["b"], ["z"])]
    nodes[0].input[0] = "x"
    with pytest.raises(DataError, match="taken apart step by step"):
        read(save(path, graph([*nodes, *again], square)))
    with pytest.raises(DataError, match="no LSTM, GRU or RNN node: it has Softmax"):
        read(save(path, graph([helper.make_node("Softmax", ["x"], ["Y"])], {})))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_what_is_exported_here_is_read_back(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = getattr(nn, kind)(I, H, 2, bidirectional=True)
    export.onnx(model, tmp_path / "a.onnx", check=False)
    found = read(tmp_path / "a.onnx")
    y, x = torch.randn(T, N, I), None
    x = y
    parts = [*found.layers.values()]
    for forward, backward in zip(parts[::2], parts[1::2], strict=True):
        assert "direction reverse" in str(backward)
        with torch.no_grad():
            y = torch.cat([forward.module(y)[0], backward.module(y.flip(0))[0].flip(0)], -1)
    assert f"its input is the output of {parts[0].name} and {parts[1].name}" in parts[2].notes
    torch.testing.assert_close(y, model(x)[0].detach(), rtol=0, atol=1e-6)
    assert max(compare(found).values()) < 1e-5


def test_weights_in_a_file_beside_it(tmp_path: Path) -> None:
    own = weights("GRU")
    path, beside = tmp_path / "a.onnx", tmp_path / "a.onnx.data"
    model = onnx.load(one(path, "GRU", own))
    onnx.save(model, path, save_as_external_data=True, location="a.onnx.data", size_threshold=0)
    found = read(path)
    check(found, "GRU", own)
    assert "weights also in a.onnx.data, sha256" in str(found)
    whole = beside.read_bytes()
    beside.write_bytes(whole[:-1])
    with pytest.raises(DataError, match="the files do not belong together"):
        read(path)
    beside.unlink()
    with pytest.raises(DataError, match=r"a\.onnx\.data cannot be read"):
        read(path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_bytes(whole)
    beside.symlink_to(tmp_path / "elsewhere" / "secret")
    with pytest.raises(DataError, match="leads to elsewhere"):
        read(path)
    proto = onnx.load(path, load_external_data=False)
    for place in ("elsewhere/secret", "../a", str(tmp_path / "elsewhere" / "secret"), "..", "", "a\0b"):
        for tensor in proto.graph.initializer:
            tensor.external_data[0].value = place
        path.write_bytes(proto.SerializeToString())
        with pytest.raises(DataError, match="only files beside it are read"):
            read(path)


def test_sizes_are_bounded_before_anything_is_allocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = weights("GRU")
    path = tmp_path / "a.onnx"
    proto = onnx.load(one(path, "GRU", own))
    proto.graph.initializer[0].dims[0] = 1 << 40
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(DataError, match="would take"):
        read(path)
    wide = helper.make_node("ConstantOfShape", ["many"], ["W"])
    layer = node("GRU", {"X": "x", **{it: it for it in own}})
    tensors = {"R": own["R"], "B": own["B"], "many": np.array([1, 1 << 20, 1 << 20])}
    with pytest.raises(DataError, match="would take"):
        read(save(path, graph([wide, layer], tensors)))
    doubled = [helper.make_node("Concat", [f"w{n}", f"w{n}"], [f"w{n + 1}"], axis=0) for n in range(60)]
    layer.input[1] = "w60"
    with pytest.raises(DataError, match="would take"):
        read(save(path, graph([*doubled, layer], own | {"w0": own["W"]})))
    long = [helper.make_node("Identity", [f"w{n}"], [f"w{n + 1}"]) for n in range(constant_values.DEEPEST + 3)]
    layer.input[1] = f"w{len(long)}"
    with pytest.raises(DataError, match="nodes in a row"):
        read(save(path, graph([*long, layer], own | {"w0": own["W"]})))
    monkeypatch.setattr(model_message, "MOST_PARTS", 100)
    with pytest.raises(DataError, match="more than 100 parts"):
        read(path)


def test_functions_that_call_one_another_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_scopes, "MOST_NODES", 1000)
    opsets = [helper.make_opsetid(it, 18 if not it else 1) for it in ("", "own")]
    functions = []
    for n in range(30):
        calls = [helper.make_node(f"F{n + 1}", ["a"], [f"b{k}"], domain="own") for k in range(2)]
        functions.append(helper.make_function("own", f"F{n}", ["a"], ["b0"], calls, opsets))
    call = helper.make_node("F0", ["x"], ["Y"], domain="own")
    with pytest.raises(DataError, match="more than 1,000 nodes"):
        read(save(tmp_path / "a.onnx", graph([call], {}), tuple(functions)))
    itself = helper.make_function(
        "own", "F0", ["a"], ["b"], [helper.make_node("F0", ["a"], ["b"], domain="own")], opsets
    )
    with pytest.raises(DataError, match="deep in one another"):
        read(save(tmp_path / "a.onnx", graph([call], {}), (itself,)))


def check_altered(path: Path, base: bytes, seeds: range) -> None:
    """Only `DataError` is raised, and within time."""
    refused, begun = 0, time.monotonic()
    for seed in seeds:
        path.write_bytes(mutated(base, seed))
        try:
            read(path)
        except DataError:
            refused += 1
    assert 0.3 * len(seeds) < refused < len(seeds)
    assert time.monotonic() - begun < 0.2 * len(seeds)


def test_altered_files_are_refused_or_read(tmp_path: Path, base: bytes) -> None:
    check_altered(tmp_path / "a.onnx", base, range(100))


@pytest.mark.slow
def test_many_altered_files_are_refused_or_read(tmp_path: Path, base: bytes) -> None:
    check_altered(tmp_path / "a.onnx", base, range(100, 3000))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    own = weights("LSTM")
    nodes, tensors = computed_weights(own)
    given = {"X": "x", **{it: it for it in own}}
    made = graph([*nodes, node("LSTM", given, hidden_size=H, clip=3.0, direction="forward")], tensors)
    return save(tmp_path_factory.mktemp("base") / "a.onnx", made).read_bytes()


def test_cut_off_files_are_refused(tmp_path: Path, base: bytes) -> None:
    path = tmp_path / "a.onnx"
    for end in range(0, len(base), 41):
        path.write_bytes(base[:end])
        with pytest.raises(DataError):
            read(path)


def test_a_difference_is_refused_with_the_layers_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    found = read(one(tmp_path / "a.onnx", "GRU", weights("GRU")))
    found["layer"].backend = "reference"  # type: ignore[assignment]
    assert comparison_line(found).startswith("compared with ONNX Runtime")
    with torch.no_grad():
        next(found["layer"].parameters())[0, 0] += 0.01
    with pytest.raises(DataError, match="layer gives other numbers in ONNX Runtime"):
        compare(found)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert comparison_line(found) == "not compared: onnxruntime is not installed"


def test_without_onnx_its_name_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = one(tmp_path / "a.onnx", "GRU", weights("GRU"))
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="Files of ONNX need onnx"):
        read(path)
