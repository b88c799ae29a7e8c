"""Layers of Keras' files beside Keras itself, where it is installed; what cannot be compared is said."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.convert.test_keras_files import NAMES, H, arrays, gru, model, new_file, old_file, played

from tidegate.convert import read
from tidegate.convert.keras_files.keras_comparison import not_compared
from tidegate.convert.runtime_comparison import compare
from tidegate.errors import ArgumentError, BrokenDependencyError, DataError, MissingDependencyError

MAKE = """
import sys, keras, numpy as np
from keras import layers as k
x = first = keras.Input((None, 5))
whole = dict(return_sequences=True)
x = k.LSTM(4, name="plain", **whole)(x)
x = k.LSTM(4, name="functions", recurrent_activation="hard_sigmoid", activation="softsign", **whole)(x)
x = k.GRU(6, name="before", reset_after=False, **whole)(x)
x = k.GRU(6, name="backwards", use_bias=False, go_backwards=True, **whole)(x)
x = k.Bidirectional(k.SimpleRNN(3, activation="relu", **whole), name="both")(x)
x = k.RNN([k.LSTMCell(3), k.GRUCell(4)], name="cells", **whole)(x)
made = keras.Model(first, k.Dense(2)(x))
draw = np.random.default_rng(0).uniform
for weight in made.weights:
    weight.assign(draw(-0.8, 0.8, weight.shape))
for path in sys.argv[1:]:
    made.save_weights(path) if path.endswith(".weights.h5") else made.save(path)
"""
LAYERS = {"plain", "functions", "before", "backwards", "both", "cells/0", "cells/1"}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_layers_give_what_keras_gives(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.keras", "a.h5")]
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    subprocess.run([sys.executable, "-c", MAKE, *map(str, paths)], check=True, env=environment)
    for path in paths:
        differences = compare(read(path))
        assert {*differences} == LAYERS
        assert max(differences.values()) < 1e-6  # Keras computes some layers in float32 whatever is asked
    found = read(paths[0])
    with torch.no_grad():
        next(found["both"].parameters())[0, 0] += 0.01
    with pytest.raises(DataError, match="both gives other numbers in Keras 3"):
        compare(found)


def test_what_keras_3_cannot_run_is_said(tmp_path: Path) -> None:
    layers: dict[str, dict[str, np.ndarray]] = {
        "cudnn": dict(zip(NAMES, arrays(4, bias=(8 * H,)), strict=True)),
        "old": dict(zip(NAMES, arrays(4), strict=True)),
        "plain": dict(zip(NAMES, arrays(4), strict=True)),
    }
    config = model(
        ("CuDNNLSTM", {"name": "cudnn"}),
        ("LSTM", {"name": "old", "recurrent_activation": "hard_sigmoid"}),
        ("LSTM", {"name": "plain", "recurrent_activation": "sigmoid"}),
    )
    found = read(old_file(tmp_path / "a.h5", layers, config))
    reasons = {"cudnn": "Keras 3 has no CuDNNLSTM", "old": "hard_sigmoid is another function in Keras 3"}
    assert not_compared(found) == reasons
    old_file(tmp_path / "a.h5", {"plain": layers["plain"]}, model(("LSTM", {"name": "plain"})))
    with pytest.raises(DataError, match="has changed since it was read"):
        not_compared(found)


def test_without_keras_or_with_an_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(new_file(tmp_path / "a.keras", {"layers/lstm/cell": arrays(4)}, model(("LSTM", {"name": "l"}))))

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(MissingDependencyError, match=r"Comparing with Keras needs keras\. It is not installed"):
        compare(found)
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "2.15.0")
    with pytest.raises(BrokenDependencyError, match=r"needs Keras 3, .* version 2\.15\.0 is installed"):
        compare(found)


def test_files_of_programs_without_a_comparison(tmp_path: Path) -> None:
    torch.save(torch.nn.GRU(3, 4).state_dict(), tmp_path / "a.pt")
    with pytest.raises(ArgumentError, match="no comparison for weights saved by PyTorch"):
        compare(read(tmp_path / "a.pt"))


def test_both_directions_that_begin_at_the_end(tmp_path: Path) -> None:
    """tf.keras 2 has the layer read from the end and its copy from the start, and turns what the copy gives."""
    ways = arrays(3, seed=1, bias=(2, 3 * H)), arrays(3, seed=2, bias=(2, 3 * H))
    inner = {"class_name": "GRU", "config": {"name": "own", "go_backwards": True}}
    weights = {
        f"bi/{way}_own/gru_cell/{it}": value
        for way, own in zip(("forward", "backward"), ways, strict=True)
        for it, value in zip(NAMES, own, strict=True)
    }
    config = model(("Bidirectional", {"name": "bi", "layer": inner}))
    found = read(old_file(tmp_path / "a.h5", {"bi": weights}, config, "2.15.0"))
    x = np.random.default_rng(9).normal(size=(6, 5))
    expected = np.concatenate([gru(x[::-1], *ways[0], after=True), gru(x, *ways[1], after=True)[::-1]], 1)
    np.testing.assert_allclose(played(found.module, x[::-1].copy()), expected, atol=1e-6)
    assert "x.flip(0)" in str(found)
