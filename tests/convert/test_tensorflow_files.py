"""Checkpoints and frozen graphs of TensorFlow 1 give what TensorFlow gave for them; see make_tensorflow_files.py."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tidegate.convert import read
from tidegate.convert.layers_file import write_layers
from tidegate.convert.tensorflow_files.crc32c import crc32c, masked_crc32c
from tidegate.errors import DataError

FOLDER = Path(__file__).with_name("tensorflow_data")
I, H, T = 3, 4, 6


def expected(name: str) -> dict[str, Tensor]:
    """Inputs and outputs, steps first."""
    found = json.loads((FOLDER / f"{name}.json").read_text())
    return {key: torch.tensor(value).transpose(0, 1) for key, value in found.items()}


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


@torch.no_grad()
def test_stacked_cells_with_peepholes_and_a_projection() -> None:
    found, given = read(FOLDER / "stacked.ckpt.index"), expected("stacked")
    names = ["rnn/multi_rnn_cell/cell_0/basic_lstm_cell", "rnn/multi_rnn_cell/cell_1/lstm_cell"]
    assert [*found.layers] == names
    close(found[names[1]](found[names[0]](given["x"])[0])[0], given["output"])
    assert "forget_bias=1" in str(found)
    assert "cell_1 what cell_0 gives" in str(found)


@torch.no_grad()
def test_both_directions_and_a_plain_cell() -> None:
    found, given = read(FOLDER / "both.ckpt.index"), expected("both")
    close(found["bidirectional_rnn/gru_cell"](given["x"])[0], given["output"])
    close(found["plain/basic_rnn_cell"](given["x"])[0], given["plain"])
    assert not found.others


@torch.no_grad()
def test_a_frozen_graph() -> None:
    found, given = read(FOLDER / "one_step.pb"), expected("one_step")
    close(found["decoder/lstm_cell"](given["x"][:1])[0], given["output"])


def varint(value: int) -> bytes:
    low = value & 127
    return bytes([low]) if value < 128 else bytes([low | 128]) + varint(value >> 7)


def piece(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def constant(name: str, kind: int, shape: tuple[int, ...], *content: bytes) -> bytes:
    sizes = b"".join(piece(2, piece(1, it)) for it in shape)
    tensor = piece(1, kind) + piece(2, sizes) + b"".join(content)
    attribute = piece(1, b"value") + piece(2, piece(8, tensor))
    return piece(1, piece(1, name.encode()) + piece(2, b"Const") + piece(5, attribute))


def graph(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    nodes = [constant(name, 1, it.shape, piece(4, it.astype("<f4").tobytes())) for name, it in arrays.items()]
    path.write_bytes(b"".join(nodes))
    return path


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).uniform(-0.8, 0.8, shape).astype(np.float32)


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def lstm(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, forget_bias: float) -> np.ndarray:
    """TensorFlow's LSTM: (T, I) to (T, H), gates i j f o."""
    h, c, found = np.zeros(H), np.zeros(H), []
    for row in x:
        i, j, f, o = np.split(np.concatenate([row, h]) @ kernel + bias, 4)
        c = sigmoid(f + forget_bias) * c + sigmoid(i) * np.tanh(j)
        h = sigmoid(o) * np.tanh(c)
        found.append(h)
    return np.stack(found)


def played(module: Any, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module(torch.from_numpy(x).float()[:, None])[0][:, 0].numpy()


@pytest.mark.parametrize(
    ("scope", "names", "forget_bias"),
    [
        ("cudnn_compatible_lstm_cell", ("kernel", "bias"), 0.0),
        ("lstm_fused_cell", ("kernel", "bias"), 1.0),
        ("basic_lstm_cell_1", ("weights", "biases"), 1.0),
        ("BasicLSTMCell/Linear", ("Matrix", "Bias"), 1.0),
    ],
)
def test_other_names_and_forget_biases(scope: str, names: Any, forget_bias: float, tmp_path: Path) -> None:
    kernel, bias, x = draw(I + H, 4 * H), draw(4 * H), draw(T, I)
    path = graph(tmp_path / "a.pb", {f"rnn/{scope}/{names[0]}": kernel, f"rnn/{scope}/{names[1]}": bias})
    found = read(path)
    np.testing.assert_allclose(played(found.module, x), lstm(x, kernel, bias, forget_bias), atol=1e-6)
    assert f"forget_bias={forget_bias:g}" in str(found)


def test_a_gru_of_cudnn(tmp_path: Path) -> None:
    gates, b_gates, x = draw(I + H, 2 * H), draw(2 * H), draw(T, I)
    first, second, b_first, b_second = draw(I, H), draw(H, H), draw(H), draw(H) / 2
    names = {
        "gates/kernel": gates, "gates/bias": b_gates,
        "candidate/input_projection/kernel": first, "candidate/input_projection/bias": b_first,
        "candidate/hidden_projection/kernel": second, "candidate/hidden_projection/bias": b_second,
    }  # fmt: skip
    path = graph(tmp_path / "a.pb", {f"cell/cudnn_compatible_gru_cell/{name}": it for name, it in names.items()})
    h, wanted = np.zeros(H), []
    for row in x:
        r, u = np.split(sigmoid(np.concatenate([row, h]) @ gates + b_gates), 2)
        h = u * h + (1 - u) * np.tanh(row @ first + b_first + r * (h @ second + b_second))
        wanted.append(h)
    np.testing.assert_allclose(played(read(path).module, x), np.stack(wanted), atol=1e-6)


def test_stacks_in_each_direction_are_read_cell_by_cell(tmp_path: Path) -> None:
    places = [f"bidirectional_rnn/{way}/multi_rnn_cell/cell_{n}/lstm_cell" for way in ("bw", "fw") for n in (2, 10)]
    arrays = {f"{place}/{name}": it for place in places for name, it in (("kernel", draw(8, 16)), ("bias", draw(16)))}
    arrays["bidirectional_rnn/fw/multi_rnn_cell/cell_2/lstm_cell/kernel/Adam"] = draw(8, 16)
    found = read(graph(tmp_path / "a.pb", arrays))
    assert [*found.layers] == places
    assert [any("x.flip(0)" in note for note in it.notes) for it in found.layers.values()] == [True, True, False, False]
    assert not found.others


def test_directions_of_different_sizes_are_read_apart(tmp_path: Path) -> None:
    arrays = {f"fw/lstm_cell/{it}": draw(*n) for it, n in WHOLE.items()}
    arrays |= {"bw/lstm_cell/kernel": draw(3 + 5, 20), "bw/lstm_cell/bias": draw(20)}
    found = read(graph(tmp_path / "a.pb", arrays))
    assert [it.module.hidden_size for it in found.layers.values()] == [5, 4]


@torch.no_grad()
def test_cells_are_written_for_tidegate_and_read_back(tmp_path: Path) -> None:
    found = read(FOLDER / "stacked.ckpt.index")
    again = read(write_layers(found, tmp_path / "layers.safetensors")[0])
    for name, layer in found.layers.items():
        module: Any = layer.module
        x = torch.randn(5, 2, module.input_size)
        torch.testing.assert_close(again[name](x), module(x), rtol=0, atol=0)


def test_numbers_of_a_graph_may_be_listed_and_end_early(tmp_path: Path) -> None:
    kernel = constant("lstm_cell/kernel", 1, (7, 16), piece(5, np.array([0.5, 0.25], "<f4").tobytes()))
    bias = constant("lstm_cell/bias", 1, (16,), b"".join([varint(5 << 3 | 5) + np.float32(0.5).tobytes()]))
    (tmp_path / "a.pb").write_bytes(kernel + bias)
    own = read(tmp_path / "a.pb").module.state_dict()
    assert own["weight_ih_l0"].unique().tolist() == [0.25, 0.5]
    assert own["bias_ih_l0"].unique().tolist() == [0.5, 1.5]


WHOLE = {"kernel": (7, 16), "bias": (16,)}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"lstm_cell/kernel": draw(7, 15)}, r"a kernel is of shape \(7, 15\), but should be \(I \+ 3, 12\)"),
        ({"lstm_cell/kernel": draw(4, 16)}, r"a kernel is of shape \(4, 16\)"),
        ({"lstm_cell/kernel": draw(7, 16, 1)}, r"kernel is of shape \(7, 16, 1\)"),
        ({"lstm_cell/bias": draw(16)}, r"lstm_cell: the cell is half: there is no kernel \(there is bias\)"),
        ({"lstm_cell/kernel": draw(7, 16), "lstm_cell/bias": draw(15)}, r"bias is of shape \(15,\)"),
        ({"lstm_cell/kernel": draw(7, 16)}, r"there is no bias \(there is kernel\)"),
        ({**{f"lstm_cell/{it}": draw(*n) for it, n in WHOLE.items()}, "lstm_cell/w_i_diag": draw(4)}, "no w_f_diag"),
        ({"gru_cell/gates/kernel": draw(7, 8)}, "there is no candidate/kernel"),
        ({"lstm/recurrent_kernel": draw(4, 16)}, "it has layers of Keras"),
        ({"layer_norm_basic_lstm_cell/kernel": draw(7, 16)}, "it has layer_norm_basic_lstm_cell/kernel"),
        ({"a/.ATTRIBUTES/VARIABLE_VALUE": draw(2)}, "it is of TensorFlow 2"),
        ({}, "it has no arrays"),
    ],
)  # fmt: skip
def test_half_and_foreign_cells_are_named(arrays: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read(graph(tmp_path / "a.pb", arrays))


def test_files_that_are_none_of_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "1000000")
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01\x12\x00")
    (tmp_path / "cut.pb").write_bytes((FOLDER / "one_step.pb").read_bytes()[:-9])
    huge = [constant(f"a{n}", 1, (1 << 16,), piece(5, np.float32(1).tobytes())) for n in range(3)]
    (tmp_path / "huge.pb").write_bytes(b"".join(huge))
    (tmp_path / "text.index").write_text("hello" * 20)
    shutil.copy(FOLDER / "both.ckpt.index", tmp_path / "alone.ckpt.index")
    shutil.copy(FOLDER / "both.ckpt.data-00000-of-00001", tmp_path)
    cases = {
        "saved_model.pb": "give variables/variables.index",
        "cut.pb": "no whole frozen graph",
        "huge.pb": "what it holds would take 1,048,576 bytes",
        "text.index": "does not end as an index does",
        "alone.ckpt.index": r"there is no alone\.ckpt\.data-00000-of-00001",
        "both.ckpt.data-00000-of-00001": r"give the file \.index",
    }
    for name, words in cases.items():
        with pytest.raises(DataError, match=words):
            read(tmp_path / name)


def test_altered_and_cut_checkpoints_are_refused(tmp_path: Path) -> None:
    for file in FOLDER.glob("stacked.ckpt*"):
        shutil.copy(file, tmp_path)
    index, data = tmp_path / "stacked.ckpt.index", tmp_path / "stacked.ckpt.data-00000-of-00001"
    whole, numbers, choose = index.read_bytes(), data.read_bytes(), random.Random(0)
    for at in range(0, len(numbers), 97):
        data.write_bytes(numbers[:at] + bytes([numbers[at] ^ 1]) + numbers[at + 1 :])
        with pytest.raises(DataError, match="checksum"):
            read(index)
    data.write_bytes(numbers[:-1])
    with pytest.raises(DataError, match="is cut off"):
        read(index)
    data.write_bytes(numbers)
    first = {name: it.module.state_dict() for name, it in read(index).layers.items()}
    for _ in range(80):
        altered = bytearray(whole[: choose.choice([len(whole), choose.randrange(1, len(whole))])])
        altered[choose.randrange(len(altered))] ^= 1 << choose.randrange(8)
        index.write_bytes(altered)
        try:
            found = read(index)
        except DataError:
            continue
        torch.testing.assert_close({name: it.module.state_dict() for name, it in found.layers.items()}, first)


def test_altered_graphs_are_refused_or_read(tmp_path: Path) -> None:
    whole, choose = (FOLDER / "one_step.pb").read_bytes(), random.Random(1)
    path, refused = tmp_path / "a.pb", 0
    for _ in range(150):
        altered = bytearray(whole[: choose.choice([len(whole), choose.randrange(1, len(whole))])])
        for _ in range(choose.randrange(1, 4)):
            altered[choose.randrange(len(altered))] = choose.randrange(256)
        path.write_bytes(altered)
        try:
            read(path)
        except DataError:
            refused += 1
    assert refused > 50


def test_checksums() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720
    assert crc32c(bytes(range(32))) == 0x46DD794E
    data, register = np.random.default_rng(0).bytes(10_007), 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    assert crc32c(data) == register ^ 0xFFFFFFFF
    assert masked_crc32c(b"") == 0xA282EAD8
