"""Products in 8 bits in ONNX Runtime are exact, also on processors on which the usual kind of them saturates."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from packaging.version import Version
from tests.export.onnx_files.sessions import onnx, operators, run
from torch import nn

import tidegate
from tidegate import export
from tidegate.errors import BackendError
from tidegate.export.onnx import matrix_product
from tidegate.text import LanguageModel, LanguageModelConfig

ReferenceEvaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator


def written(model: nn.Module, folder: Path, **options: Any) -> Any:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.uniform_(-0.4, 0.4, generator=generator)
    return onnx.load(export.onnx(model.eval(), folder / "model.onnx", int8=True, **options))


def in_8_bits(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """W x with W and x rounded to whole numbers of 1/127 of the largest of each row and vector."""
    w_scale = (np.abs(matrix).max(1) / np.float32(127)).astype(np.float32)
    x_scale = (np.abs(vectors).max(-1, keepdims=True) / np.float32(127)).astype(np.float32)
    whole = np.round(matrix / w_scale[:, None]).astype(np.int64)
    return np.round(vectors / x_scale).astype(np.int64) @ whole.T * w_scale * x_scale


def test_a_product_is_exact_for_each_vector_of_a_batch_by_itself(tmp_path: Path) -> None:
    layer = nn.Linear(700, 9)
    proto = written(nn.Sequential(layer), tmp_path)
    assert "MatMulInteger" in operators(proto)
    # Of very different sizes, so that another vector's scale would be seen; the largest sums that there are.
    x = np.sign(np.random.default_rng(0).normal(size=(1, 5, 700))).astype(np.float32) * 10.0 ** np.arange(5)[:, None]
    x = x.astype(np.float32)
    expected = in_8_bits(layer.weight.detach().numpy(), x) + layer.bias.detach().numpy()
    np.testing.assert_allclose(run(proto, {"x": x})["y"], expected, rtol=1e-5)


def test_a_recurrent_layer_follows_the_same_arithmetic(tmp_path: Path) -> None:
    layer = tidegate.nn.Recurrent("rnn_tanh", 40, 30)
    proto = written(layer, tmp_path, step=True)
    rng, w = np.random.default_rng(1), {name: it.detach().numpy() for name, it in layer.named_parameters()}
    x, h = rng.normal(size=(3, 40)).astype(np.float32), np.tanh(rng.normal(size=(3, 30))).astype(np.float32)
    before = in_8_bits(w["weight_ih_l0"], x) + in_8_bits(w["weight_hh_l0"], h) + w["bias_l0"]
    np.testing.assert_allclose(run(proto, {"x": x, "h_l0": h})["y"], np.tanh(before), atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tidegate.nn.Recurrent("gru_original", 8, 12, heads=3, bidirectional=True),
        lambda: tidegate.nn.LSTM(8, 12, proj_size=5),
        lambda: LanguageModel(LanguageModelConfig(vocabulary_size=9, hidden_size=12, embedding_size=None)),
    ],
)
def test_models_are_compared_with_exact_arithmetic_as_they_are_written(make: Any, tmp_path: Path) -> None:
    proto = written(make(), tmp_path, lengths=True)
    assert not {"LSTM", "GRU"} & {*operators(proto)}
    assert any(it.data_type == onnx.TensorProto.UINT8 and len(it.dims) == 2 for it in proto.graph.initializer)


def test_a_file_is_smaller_and_says_what_it_costs(tmp_path: Path) -> None:
    layer = nn.LSTM(64, 128)
    plain = export.onnx(layer, tmp_path / "plain.onnx")
    small = export.onnx(layer, tmp_path / "small.onnx", int8=True)
    assert small.path.stat().st_size < plain.path.stat().st_size / 3
    assert small.rounding is not None
    assert 1e-4 < small.rounding < 0.05
    assert "but for rounding to 8 bits (at most " in str(small)


def test_scales_that_onnxruntime_would_mix_up_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its fusion of MatMulInteger, Cast and the product of both scales takes one scale for all vectors."""

    def fusable(nodes: Any, vectors: str, matrix: str) -> str:
        in_int8(nodes, vectors, matrix)
        inner, outer = nodes.protos[-2:]  # (whole numbers · scale of the matrix) · scale of the vectors
        del nodes.protos[-2:]
        return nodes.add("Mul", inner.input[0], nodes.add("Mul", outer.input[1], inner.input[1]))

    in_int8 = matrix_product._in_int8
    monkeypatch.setattr(matrix_product, "_in_int8", fusable)
    with pytest.raises(BackendError, match="in 8 bits differ from exact arithmetic"):
        written(tidegate.nn.GRU(6, 5), tmp_path)


# That of onnx 1.17 does not find what a Scan reads of the graph around it.
@pytest.mark.skipif(Version(onnx.__version__) < Version("1.23"), reason="onnx's evaluator is tried from 1.23 on")
@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize("name", ["gru", "peephole_lstm", "on_lstm"])
def test_onnxs_own_evaluator_agrees(name: str, int8: bool, tmp_path: Path) -> None:
    """It ignores lengths, and refuses a Scan that reads backwards, but shares nothing with ONNX Runtime."""
    file = export.onnx(tidegate.nn.Recurrent(name, 4, 6), tmp_path / "model.onnx", int8=int8)
    x = np.random.default_rng(0).normal(size=(5, 2, 4)).astype(np.float32)
    (found,) = ReferenceEvaluator(str(file.path)).run(None, {"x": x})
    np.testing.assert_allclose(found, run(onnx.load(file), {"x": x})["y"], atol=1e-6)


HASWELL = """
import numpy as np, onnxruntime, sys
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
np.save(sys.argv[2], session.run(None, {"x": np.load(sys.argv[3])})[0])
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="no qemu-x86_64 (Debian's qemu-user)")
def test_nothing_saturates_on_a_processor_with_avx2_and_without_vnni(tmp_path: Path) -> None:
    layer = nn.Linear(256, 16)
    with torch.no_grad():
        layer.weight.uniform_(0.3, 0.4)  # sums of two neighbouring products are then beyond 16 bits
    proto = onnx.load(export.onnx(nn.Sequential(layer), tmp_path / "model.onnx", int8=True))
    x = np.random.default_rng(0).uniform(0.8, 1, (1, 2, 256)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    program = ["qemu-x86_64", "-cpu", "Haswell", sys.executable, "-c", HASWELL]
    subprocess.run([*program, tmp_path / "model.onnx", tmp_path / "y.npy", tmp_path / "x.npy"], check=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), run(proto, {"x": x})["y"], rtol=1e-6)
