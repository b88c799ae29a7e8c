"""Networks of ONNX in the table of published files: run as a whole, and compared there."""

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.published_files.__main__ import checked
from benchmarks.published_files.onnx_networks import Feed, Onnx, onnx_layers
from benchmarks.published_files.own_runtimes import Keras
from benchmarks.published_files.package_archives import NO_BUILD, unpack
from benchmarks.published_files.package_rows import Package, Refused
from benchmarks.published_files.tensorflow_graph import FrozenGru
from torch import nn

from tidegate import convert
from tidegate.errors import BenchmarkError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import helper, numpy_helper  # noqa: E402

I, H, T, N = 5, 3, 9, 2
FEEDS = {"x": Feed((T, N, 4)), "h": Feed((2, N, H)), "long": Feed((), 0, 1, "bool")}


def values(**shapes: tuple[int, ...]) -> list[Any]:
    draw = np.random.default_rng(1)
    return [numpy_helper.from_array(draw.normal(size=it).astype(np.float32), name) for name, it in shapes.items()]


def graph(nodes: list[Any], inputs: list[str], outputs: list[str], tensors: list[Any]) -> Any:
    given = [helper.make_tensor_value_info(it, 9 if it == "long" else 1, None) for it in inputs]
    return helper.make_graph(nodes, "g", given, [onnx.ValueInfoProto(name=it) for it in outputs], tensors)


def save(path: Path, proto: Any) -> Path:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(helper.make_model(proto, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def in_branch(path: Path, **attributes: Any) -> Path:
    """A network with a GRU in the branch of an If that is not taken for `FEEDS`."""
    made: dict[str, Any] = dict(direction="bidirectional", hidden_size=H, linear_before_reset=1) | attributes
    gru = helper.make_node("GRU", ["y", "W", "R", "B", "", "h"], ["Y", "last"], "rnn", **made)
    then = graph([gru], [], ["Y"], values(W=(2, 3 * H, I), R=(2, 3 * H, H), B=(2, 6 * H)))
    other = graph([helper.make_node("Identity", ["y"], ["same"])], [], ["same"], [])
    nodes = [
        helper.make_node("MatMul", ["x", "into"], ["y"]),
        helper.make_node("If", ["long"], ["out"], "choice", then_branch=then, else_branch=other),
    ]
    return save(path, graph(nodes, ["x", "h", "long"], ["out"], values(into=(4, I))))


def in_8_bits(path: Path) -> Path:
    """A network with an LSTM in 8 bits."""
    draw = np.random.default_rng(2)
    tensors = {name: draw.integers(-90, 90, (1, rows, 4 * H)).astype(np.int8) for name, rows in (("W", I), ("R", H))}
    tensors |= {f"{name}_scale": np.array([0.01], np.float32) for name in "WR"}
    tensors |= {f"{name}_zero": np.array([3], np.int8) for name in "WR"}
    names = ["x", "W", "R", "", "", "", "", "", "W_scale", "W_zero", "R_scale", "R_zero"]
    node = helper.make_node("DynamicQuantizeLSTM", names, ["Y"], "rnn", domain="com.microsoft", hidden_size=H)
    stored = [numpy_helper.from_array(it, name) for name, it in tensors.items()]
    return save(path, graph([node], ["x"], ["Y"], stored))


def package(folder: Path, file: Path, expected: Any) -> tuple[Package, Path]:
    path = folder / "some_net-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(file, f"some_net/{file.name}")
    return Package("some-net", "1.0", "MIT", "", "ONNX", {"some_net/*.onnx": expected}), path


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read layers without kernels, which would be compiled."""
    own = convert.read

    def read(path: Path) -> convert.Converted:
        found = own(path)
        for layer in found.layers.values():
            layer.module.backend = "reference"  # type: ignore[assignment]
        return found

    monkeypatch.setattr(convert, "read", read)


@pytest.mark.usefixtures("reference")
def test_a_layer_in_a_branch_is_compared_within_its_network(tmp_path: Path) -> None:
    row = checked(*package(tmp_path, in_branch(tmp_path / "a.onnx"), onnx_layers(FEEDS, "rnn")))
    assert row.failures == []
    assert row.in_network is not None
    assert row.in_network < 1e-6
    assert row.differences[0] < 1e-12
    assert "| some-net | 1.0 | MIT | ONNX | 1 | `GRU(5, 3, bidirectional=True" in str(row)


@pytest.mark.usefixtures("reference")
def test_the_network_runs_on_its_own_input_and_states(tmp_path: Path) -> None:
    path = in_branch(tmp_path / "a.onnx")
    module = convert.read(path)["rnn"]
    own = onnx_layers(FEEDS, "rnn")["rnn"]
    assert own.in_network(path, module) < 1e-6
    with torch.no_grad():
        module.weight_hh_l0[0, 0] += 0.01  # type: ignore[index, operator]
    assert own.in_network(path, module) > 1e-5
    with pytest.raises(BenchmarkError, match="has no recurrent node other"):
        Onnx("other", own.feeds).outputs(path, torch.zeros(T, N, I))


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"clip": 0.5}, "rnn has clip"),
        ({"activations": ["Sigmoid", "Relu"] * 2}, "rnn has sigmoid, relu, sigmoid, relu"),
    ],
)
def test_what_no_equations_are_for_is_told(attributes: dict[str, Any], told: str, tmp_path: Path) -> None:
    path = in_branch(tmp_path / "a.onnx", **attributes)
    with pytest.raises(BenchmarkError, match=told):
        onnx_layers(FEEDS, "rnn")["rnn"].outputs(path, torch.zeros(T, N, I))


@pytest.mark.usefixtures("reference")
def test_weights_in_8_bits(tmp_path: Path) -> None:
    feeds = {"x": Feed((T, N, I))}
    row = checked(*package(tmp_path, in_8_bits(tmp_path / "a.onnx"), onnx_layers(feeds, "rnn")))
    assert row.failures == []
    assert row.in_network is not None
    assert 1e-4 < row.in_network < 0.1
    assert row.differences[0] < 1e-12
    assert row.differences[2] < 1e-5  # of a node that does not round


def test_files_that_should_be_refused(tmp_path: Path) -> None:
    product = helper.make_node("MatMul", ["x", "into"], ["y"])
    path = save(tmp_path / "a.onnx", graph([product], ["x"], ["y"], values(into=(4, I))))
    row = checked(*package(tmp_path, path, Refused("without layers", "no LSTM, GRU or RNN node")))
    assert row.failures == []
    assert "| 0 | refused: without layers |  |  |  |  |" in str(row)
    assert checked(*package(tmp_path, path, Refused("without layers", "another reason"))).failures
    read = checked(*package(tmp_path, in_branch(tmp_path / "a.onnx"), Refused("without layers", "")))
    assert read.failures == ["a.onnx is read as rnn, but should be refused"]


def sdist(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_an_archive_within_an_sdist(tmp_path: Path) -> None:
    inner = sdist(tmp_path / "inner.tar.gz", {"export/a.onnx": b"a"}).read_bytes()
    path = sdist(tmp_path / "some-net-1.0.tar.gz", {"some-net-1.0/inner.tar.gz": inner, "some-net-1.0/setup.py": b""})
    within = "some-net-1.0/inner.tar.gz"
    row = Package("some-net", "1.0", "MIT", "", "ONNX", kind="sdist", within=within)
    folder = tmp_path / "out"
    assert unpack(row, path, folder) == ["export/a.onnx", within, "some-net-1.0/setup.py"]
    with pytest.raises(BenchmarkError, match="has no file other"):
        unpack(Package("some-net", "1.0", "MIT", "", "ONNX", kind="sdist", within="other"), path, folder)
    outside = sdist(tmp_path / "bad-1.0.tar.gz", {"../outside": b"a"})
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(Package("bad", "1.0", "MIT", "", "ONNX", kind="sdist"), outside, folder)


def test_pip_is_given_the_metadata_that_an_sdist_carries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    exec((NO_BUILD / "setuptools/build_meta.py").read_text(encoding="utf-8"), names)
    said = "Metadata-Version: 1.0\nName: some-net\nVersion: 1.0\n"
    (tmp_path / "PKG-INFO").write_text(said, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for backend in (names["prepare_metadata_for_build_wheel"], names["__legacy__"].prepare_metadata_for_build_wheel):
        (tmp_path / backend.__qualname__).mkdir(exist_ok=True)
        made = backend(str(tmp_path / backend.__qualname__))
        assert made == "some_net-1.0.dist-info"
        place = tmp_path / backend.__qualname__ / made
        assert (place / "METADATA").read_text(encoding="utf-8") == said
        (place / "METADATA").unlink()
        place.rmdir()


def test_cudnn_equations_are_those_of_torch(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    torch.manual_seed(2)
    layer = nn.LSTM(I, H).double()
    w, r, b_w, b_r = (it.detach().numpy() for it in layer.parameters())
    kernel = np.hstack([it.reshape(I, H) for it in np.split(w, 4)])  # rows of cuDNN's matrix in the shape of Keras'
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["rnn/kernel:0"] = kernel
        file["rnn/recurrent_kernel:0"] = np.hstack(np.split(r, 4))
        file["rnn/bias:0"] = np.hstack([b_w, b_r])
    x = torch.randn(T, N, I, dtype=torch.float64)
    found = Keras("CuDNNLSTM", ("rnn",)).outputs(tmp_path / "a.h5", x)
    assert torch.allclose(found, layer(x)[0], atol=1e-12, rtol=0)


def field(number: int, value: bytes | int) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size = [len(value) & 127 | 128, len(value) >> 7] if len(value) > 127 else [len(value)]
    return bytes([number << 3 | 2, *size]) + value


@pytest.mark.usefixtures("reference")
def test_a_frozen_graph_of_tensorflow(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    shapes = {"gates/kernel": (I + H, 2 * H), "gates/bias": (2 * H,), "candidate/kernel": (I + H, H)}
    arrays = {name: draw.normal(size=it).astype("<f4") for name, it in (shapes | {"candidate/bias": (H,)}).items()}
    path = tmp_path / "frozen.pb"
    content = b""
    for name, it in arrays.items():
        sizes = b"".join(field(2, field(1, size)) for size in it.shape)
        stored = field(1, 1) + field(2, sizes) + field(4, it.tobytes())
        entry = field(1, b"value") + field(2, field(8, stored))
        content += field(1, field(1, f"rnn/gru_cell/{name}".encode()) + field(2, b"Const") + field(5, entry))
    path.write_bytes(content)
    x = torch.randn(T, N, I, dtype=torch.float64)
    found = FrozenGru("rnn/gru_cell").outputs(path, x)
    module = convert.read(path).module.double()
    with torch.no_grad():
        assert torch.allclose(found, module(x)[0], atol=1e-12, rtol=0)
    with pytest.raises(BenchmarkError, match="has no constant other/gates/kernel"):
        FrozenGru("other").outputs(path, x)
