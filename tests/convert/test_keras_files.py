"""Files of Keras of every age, written with h5py, give what NumPy computes from their arrays."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.convert import read
from tidegate.errors import DataError

h5py = pytest.importorskip("h5py")
Arrays = list[np.ndarray]
I, H, T = 5, 4, 6
EMPTY = np.ones((0, 4 * H))


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


HARD = {2: lambda a: np.clip(0.2 * a + 0.5, 0, 1), 3: lambda a: np.clip(a / 6 + 0.5, 0, 1)}


def lstm(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: Any = 0.0, gate: Any = sigmoid) -> np.ndarray:
    """Keras' LSTM: (T, I) to (T, H); gates i f c o."""
    h, c, found = np.zeros(H), np.zeros(H), []
    for row in x:
        i, f, g, o = np.split(row @ kernel + h @ recurrent + bias, 4)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
        found.append(h)
    return np.stack(found)


def gru(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray, *, after: bool) -> np.ndarray:
    """Keras' GRU: gates z r h."""
    h, found = np.zeros(H), []
    b, b_r = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    for row in x:
        x_z, x_r, x_n = np.split(row @ kernel + b, 3)
        u_z, u_r, u_n = np.split(recurrent, 3, 1)
        p_z, p_r, p_n = np.split(b_r, 3)
        z, r = sigmoid(x_z + h @ u_z + p_z), sigmoid(x_r + h @ u_r + p_r)
        n = np.tanh(x_n + (r * (h @ u_n + p_n) if after else (r * h) @ u_n))
        h = z * h + (1 - z) * n
        found.append(h)
    return np.stack(found)


def arrays(gates: int, inputs: int = I, bias: Any = None, seed: int = 0) -> Arrays:
    draw = np.random.default_rng(seed).uniform
    shapes = [(inputs, gates * H), (H, gates * H), (gates * H,) if bias is None else bias]
    return [draw(-0.7, 0.7, shape).astype(np.float32) for shape in shapes]


def given() -> np.ndarray:
    return np.random.default_rng(9).normal(size=(T, I))


def played(module: Any, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module(torch.from_numpy(x).float()[:, None])[0][:, 0].numpy()


def old_file(
    path: Path,
    layers: dict[str, dict[str, np.ndarray]],
    config: Any = None,
    version: str | None = "2.1.6",
    top: bool = True,
) -> Path:
    """A file of Keras 1, 2 or tf.keras: a group for each layer, with names of its arrays in an attribute."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if top else file
        root.attrs["layer_names"] = [name.encode() for name in layers]
        if version is not None:
            file.attrs["keras_version"] = version
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
        for name, weights in layers.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [it.encode() for it in weights]
            for it, value in weights.items():
                group[it] = value
    return path


def new_file(path: Path, places: dict[str, Arrays], config: Any, version: str = "3.15.1") -> Path:
    """A .keras archive."""
    raw = io.BytesIO()
    with h5py.File(raw, "w") as file:
        for place, values in places.items():
            for n, value in enumerate(values):
                file[f"{place}/vars/{n}"] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", raw.getvalue())
    return path


def model(*layers: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": kind, "config": it} for kind, it in layers]},
    }


NAMES: tuple[str, ...] = ("kernel:0", "recurrent_kernel:0", "bias:0")


@pytest.mark.parametrize(("version", "slope"), [("2.1.6", 2), ("3.1.0", 3)])
def test_hard_sigmoid_is_that_of_the_files_version(version: str, slope: int, tmp_path: Path) -> None:
    weights = arrays(4)
    config = model(("LSTM", {"name": "one", "units": H, "recurrent_activation": "hard_sigmoid"}))
    path = old_file(tmp_path / "a.h5", {"one": dict(zip(NAMES, weights, strict=True))}, config, version)
    found = read(path)
    np.testing.assert_allclose(played(found["one"], given()), lstm(given(), *weights, gate=HARD[slope]), atol=1e-6)
    assert "hard_sigmoid" in str(found)


def test_the_unnamed_default_of_old_versions(tmp_path: Path) -> None:
    weights = arrays(4)
    layers = {
        "dense_1": {"kernel:0": np.ones((3, 2))},
        "lstm_1": {f"lstm_1/{n}": it for n, it in zip(NAMES, weights, strict=True)},
    }
    path = old_file(
        tmp_path / "a.h5", layers, [dict(class_name="x")] and model(("LSTM", {"name": "lstm_1"})), "2.2.0", top=False
    )
    found = read(path)
    np.testing.assert_allclose(played(found.module, given()), lstm(given(), *weights, gate=HARD[2]), atol=1e-6)
    assert "is not named: hard_sigmoid" in str(found)
    assert "dense_1/kernel:0" in found.others


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("2.1.4", "hard_sigmoid and tanh are assumed, the defaults of its version"),
        ("2.5.0", "sigmoid and tanh are assumed, the defaults of its version"),
        (None, "sigmoid and tanh are assumed, the defaults since Keras 2.3"),
    ],
)
def test_what_weights_alone_do_not_say_is_said(version: str | None, told: str, tmp_path: Path) -> None:
    weights = arrays(4)
    path = old_file(tmp_path / "a.h5", {"lstm_1": dict(zip(NAMES, weights, strict=True))}, None, version)
    found = read(path)
    gate = {"gate": HARD[2]} if version == "2.1.4" else {}
    np.testing.assert_allclose(played(found.module, given()), lstm(given(), *weights, **gate), atol=1e-6)
    assert f"the file has no settings: {told}" in str(found)
    assert "whether it reads backwards (go_backwards) is not in the file" in str(found)


@pytest.mark.parametrize("kind", ["CuDNNLSTM", "CuDNNGRU"])
@pytest.mark.parametrize("settings", [True, False])
def test_cudnn_layers(kind: str, settings: bool, tmp_path: Path) -> None:
    gates = 4 if kind == "CuDNNLSTM" else 3
    kernel, recurrent, bias = arrays(gates, bias=(2 * gates * H,))
    path = old_file(
        tmp_path / "a.h5",
        {"rnn_1": dict(zip(NAMES, (kernel, recurrent, bias), strict=True))},
        model((kind, {"name": "rnn_1"})) if settings else None,
        "2.1.5",
    )
    # Each gate's block is an (H, I) matrix in memory that wears the shape (I, H); recurrent blocks are transposed.
    plain = np.concatenate([np.ascontiguousarray(it).reshape(H, I).T for it in np.split(kernel, gates, 1)], 1)
    turned = np.concatenate([it.T for it in np.split(recurrent, gates, 1)], 1)
    both = bias.reshape(2, -1)
    expected = (
        lstm(given(), plain, turned, both.sum(0)) if gates == 4 else gru(given(), plain, turned, both, after=True)
    )
    np.testing.assert_allclose(played(read(path).module, given()), expected, atol=1e-6)


@pytest.mark.parametrize("after", [True, False])
def test_grus_of_both_kinds(after: bool, tmp_path: Path) -> None:
    weights = arrays(3, bias=(2, 3 * H) if after else None)
    config = model(("GRU", {"name": "g", "reset_after": after}))
    path = new_file(tmp_path / "a.keras", {"layers/gru/cell": weights}, config)
    np.testing.assert_allclose(played(read(path)["g"], given()), gru(given(), *weights, after=after), atol=1e-6)


def test_the_order_is_that_of_the_configuration(tmp_path: Path) -> None:
    places = {f"layers/lstm{f'_{n}' if n else ''}/cell": arrays(4, I if n == 0 else H, seed=n) for n in range(12)}
    config = model(*[("LSTM", {"name": f"z{11 - n}"}) for n in range(12)])
    found = read(new_file(tmp_path / "a.keras", places, config))
    assert [*found.layers] == [f"z{11 - n}" for n in range(12)]
    x = y = given()
    for n, layer in enumerate(found.layers.values()):
        x, y = lstm(x, *arrays(4, I if n == 0 else H, seed=n)), played(layer.module, y)
    np.testing.assert_allclose(y, x, atol=1e-6)


@pytest.mark.parametrize("old", [True, False])
def test_both_directions_within_another_model(old: bool, tmp_path: Path) -> None:
    ways = arrays(4, seed=1), arrays(4, seed=2)
    both = {"name": "bi", "merge_mode": "sum", "layer": {"class_name": "LSTM", "config": {"name": "own"}}}
    inner = {
        "class_name": "Sequential",
        "config": {"name": "inner", "layers": [{"class_name": "Bidirectional", "config": both}]},
    }
    config = {
        "class_name": "Functional",
        "config": {"layers": [{"class_name": "Dense", "config": {"name": "d"}}, inner]},
    }
    if old:
        names = [f"inner/bi/{way}_own/lstm_cell/{it}" for way in ("forward", "backward") for it in NAMES]
        layers = {"d": {}, "inner": dict(zip(names, [*ways[0], *ways[1]], strict=True))}
        path = old_file(tmp_path / "a.h5", layers, config, "2.15.0")
    else:
        place = "layers/sequential/layers/bidirectional/{}_layer/cell"
        path = new_file(
            tmp_path / "a.keras",
            {place.format(way): it for way, it in zip(("forward", "backward"), ways, strict=True)},
            config,
        )
    found = read(path)
    expected = np.concatenate([lstm(given(), *ways[0]), lstm(given()[::-1], *ways[1])[::-1]], 1)
    np.testing.assert_allclose(played(found["inner/bi"], given()), expected, atol=1e-6)
    assert "merge_mode='sum'" in str(found)


def test_arrays_of_each_gate_as_keras_1_has_them(tmp_path: Path) -> None:
    kernel, recurrent, bias = arrays(4)
    blocks = {
        letter: [np.split(it, 4, -1)["ifco".index(letter)] for it in (kernel, recurrent, bias)] for letter in "ifco"
    }
    weights = {f"lstm_1_{what}_{letter}": blocks[letter][n] for letter in "icfo" for n, what in enumerate("WUb")}
    config = [{"class_name": "LSTM", "config": {"name": "lstm_1", "inner_activation": "sigmoid"}}]
    path = old_file(tmp_path / "a.h5", {"lstm_1": weights}, {"class_name": "Sequential", "config": config}, "1.2.2")
    np.testing.assert_allclose(played(read(path).module, given()), lstm(given(), kernel, recurrent, bias), atol=1e-6)


def test_bfloat16_is_stored_as_opaque_pairs(tmp_path: Path) -> None:
    weights = arrays(4)
    halves = [torch.from_numpy(it).bfloat16() for it in weights]
    opaque = [it.view(torch.int16).numpy().view(np.dtype("V2")) for it in halves]
    path = new_file(tmp_path / "a.keras", {"layers/lstm/cell": opaque}, model(("LSTM", {"name": "l"})))
    expected = lstm(given(), *[it.float().numpy() for it in halves])
    np.testing.assert_allclose(played(read(path).module, given()), expected, atol=1e-6)


def test_what_is_no_layer_of_keras_is_named(tmp_path: Path) -> None:
    places = {"layers/lstm/cell": arrays(4), "layers/my_lstm/cell": arrays(4)}
    config = model(("LSTM", {"name": "l", "go_backwards": True}), ("mine>MyLSTM", {"name": "m"}))
    text = str(read(new_file(tmp_path / "a.keras", places, config)))
    assert "left out: m is a MyLSTM, which is no layer of Keras that is known" in text
    assert "x.flip(0)" in text


@pytest.mark.parametrize(
    ("places", "config", "words"),
    [
        ({"layers/lstm/cell": arrays(4)[:1]}, model(("LSTM", {"name": "l"})), "one array of three"),
        ({"layers/lstm/cell": arrays(3)}, model(("LSTM", {"name": "l"})), r"should be \(I, 4 H\) and \(H, 4 H\)"),
        ({"layers/lstm/cell": [np.ones((5, 16)), EMPTY]}, model(("LSTM", {"name": "l"})), r"l: .*\(0, 16\)"),
        ({"layers/lstm/cell": [EMPTY, np.ones((4, 16))]}, model(("LSTM", {"name": "l"})), "l: A lstm of 0 inputs"),
        ({"layers/lstm/cell": []}, model(("LSTM", {"name": "l"})), "0 arrays .none."),
        ({"layers/lstm/cell": arrays(4)}, model(("LSTM", {"name": "l", "activation": "gelu"})), "'gelu' has no"),
        ({"layers/dense": arrays(4)}, model(("Dense", {"name": "d"})), "no recurrent layer of Keras"),
        ({"layers/lstm/cell": arrays(4)}, {"class_name": "Sequential"}, "has no list of layers"),
        ({"layers/lstm/cell": arrays(4)}, [], "is a list, no object"),
    ],
)  # fmt: skip
def test_half_and_foreign_layers_are_named(places: Any, config: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=words):
        read(new_file(tmp_path / "a.keras", places, config))


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = np.ones(3)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["layers/lstm/cell/vars/0"] = h5py.ExternalLink(str(other), "secret")
    with pytest.raises(DataError, match="is a link to elsewhere"):
        read(tmp_path / "link.h5")
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("layers/lstm/cell/vars/0", (3,), "f4", external=[(str(other), 0, 12)])
    with pytest.raises(DataError, match="lies in another file"):
        read(tmp_path / "outside.h5")
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(other), "secret", (3,))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("layers/lstm/cell/vars/0", layout)
    with pytest.raises(DataError, match="lies in another file"):
        read(tmp_path / "virtual.h5")


def test_arrays_that_claim_to_be_huge_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("layers/lstm/cell/vars/0", (1 << 40,), "f4", chunks=(1 << 20,))
    with pytest.raises(DataError, match=r"would take .* bytes"):
        read(tmp_path / "huge.h5")
    whole = (tmp_path / "huge.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="not a whole HDF5 file"):
        read(tmp_path / "cut.h5")


def test_one_array_under_many_names_counts_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_MAX_ARRAY_BYTES", "1000000")
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file.create_dataset("a/vars/0", data=np.zeros(100_000, "f4"), chunks=(1000,), compression="gzip")
        for n in range(9):
            file[f"b{n}/vars/0"] = file["a/vars/0"]
    with pytest.raises(DataError, match="its arrays would take 4,000,000 bytes together, but at most 1,000,000"):
        read(tmp_path / "links.h5")
