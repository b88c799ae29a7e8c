"""Layers of a file of Keras, run by Keras itself beside the modules that were made of them."""

from __future__ import annotations

import copy
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.convert.built_layers import GATES
from tidegate.convert.keras_files.keras_reader import stored_layers
from tidegate.convert.keras_files.layer_configs import StoredLayer
from tidegate.convert.keras_files.recurrent_weights import KINDS, joined_arrays
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.errors import BrokenDependencyError, DataError
from tidegate.io.optional import cannot_import

WORKER = Path(__file__).with_name("keras_worker.py")
SECONDS = 180  # most of which Keras takes to start
STEPS, BATCH = 7, 3
BOUND = 1e-5  # of the largest output; in float64, so that only another function or layout comes near it
ACTIVATIONS = {"recurrent_activation": ("recurrent_activation", "inner_activation"), "activation": ("activation",)}


def compare_with_keras(found: Converted) -> dict[str, float]:
    """Run each layer of a file in Keras 3 and here on the same random input.

    Keras gets the class, the settings that are known and the arrays of each layer, and not the file: a file could name
    modules for it to import. Layers for which `not_compared` has a reason are left out.

    Args:
        found: of a file of Keras.

    Returns:
        For each layer by its name the largest difference of outputs, as a share of the largest output, in float64.

    Raises:
        DataError: a layer gives something else in Keras, or the file has changed since it was read.
        MissingDependencyError: Keras is not installed.
        BrokenDependencyError: it is, but does not run, or is older than Keras 3.
    """
    _check_keras()
    left = not_compared(found)
    stored = {name: layer for name, layer in _stored(found).items() if name not in left}
    if not stored:
        return {}
    generator = torch.Generator().manual_seed(0)
    inputs = {
        name: torch.randn(BATCH, STEPS, layer.arrays[0][0].shape[0], generator=generator, dtype=torch.float64)
        for name, layer in stored.items()
    }
    theirs = _outputs_of_keras(stored, inputs, found)
    differences = {}
    for name, layer in stored.items():
        x, module = inputs[name].transpose(0, 1), copy.deepcopy(found[name]).double()
        backwards = bool((layer.config or {}).get("go_backwards")) and len(layer.arrays) == 1
        with torch.no_grad():
            ours = module(x.flip(0) if backwards else x)[0].transpose(0, 1)
        largest = max(float(theirs[name].abs().max()), 1e-30)
        differences[name] = float((ours - theirs[name]).abs().max()) / largest
        if not differences[name] <= BOUND:  # NaN is none either
            raise DataError(
                f"{found.path}: {name} gives other numbers in Keras {_version()}: they differ by "
                f"{differences[name]:.2g} of the largest output."
            )
    return differences


def not_compared(found: Converted) -> dict[str, str]:
    """Return for each layer that Keras 3 cannot run as the file means it the reason.

    Args:
        found: of a file of Keras.

    Raises:
        DataError: the file has changed since it was read.
    """
    reasons = {name: _reason(layer, found.layers[name]) for name, layer in _stored(found).items()}
    return {name: reason for name, reason in reasons.items() if reason}


def _stored(found: Converted) -> dict[str, StoredLayer]:
    stored = stored_layers(found.path)
    if [*stored] != [*found.layers]:
        raise DataError(f"{found.path} has changed since it was read: read it again.")
    return stored


def _reason(layer: StoredLayer, made: ConvertedLayer) -> str:
    if layer.kind.startswith("CuDNN"):
        return f"Keras 3 has no {layer.kind}"
    if any(it.name == "hard_sigmoid" and it.alpha == 0.2 for it in made.form.functions):
        return "hard_sigmoid is another function in Keras 3"
    return ""


def _check_keras() -> None:
    try:
        _version()
    except importlib.metadata.PackageNotFoundError:
        error = ModuleNotFoundError("No module named 'keras'", name="keras")
        raise cannot_import("keras", "Comparing with Keras needs", error) from None
    if int(_version().partition(".")[0]) < 3:
        raise BrokenDependencyError(
            f"Comparing with Keras needs Keras 3, which runs on PyTorch; version {_version()} is installed."
        )


def _version() -> str:
    return importlib.metadata.version("keras")


def _outputs_of_keras(stored: dict[str, StoredLayer], inputs: dict[str, Tensor], found: Converted) -> dict[str, Tensor]:
    arrays, layers = {}, []
    for n, (name, layer) in enumerate(stored.items()):
        own = [it for direction in layer.arrays for it in _whole(layer, direction)]
        arrays |= {f"{n}_{k}": it.double().numpy() for k, it in enumerate(own)}
        arrays[f"{n}_x"] = inputs[name].numpy()
        settings = _settings(layer, found.layers[name])
        kind = layer.kind.removesuffix("Cell")
        layers.append({"kind": kind, "settings": settings, "both": len(layer.arrays) == 2, "arrays": len(own)})
    with tempfile.TemporaryDirectory(prefix="tidegate-") as name:
        folder = Path(name)
        np.savez(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
        (folder / "layers.json").write_text(json.dumps(layers), encoding="utf-8")
        command = [sys.executable, str(WORKER), str(folder)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise DataError(f"{found.path} cannot be compared: Keras came to no end in {SECONDS} s.") from error
        if ended.returncode:
            why = (ended.stderr.strip() or f"it ended with code {ended.returncode}").splitlines()[-1]
            raise BrokenDependencyError(f"{found.path} cannot be compared: Keras {_version()} failed ({why:.300}).")
        with np.load(folder / "outputs.npz", allow_pickle=False) as outputs:
            return {name: torch.from_numpy(outputs[str(n)]) for n, name in enumerate(stored)}


def _whole(layer: StoredLayer, arrays: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return kernel, recurrent kernel and bias, also of Keras 1, which has them for each gate."""
    kind = KINDS[layer.kind]
    return arrays if len(arrays) <= 3 or GATES[kind] == 1 else tuple(joined_arrays(arrays, kind))


def _settings(layer: StoredLayer, made: ConvertedLayer) -> dict[str, Any]:
    """Return arguments for the class of Keras: names, sizes, truth values; Keras decides the rest."""
    config, kind = dict(layer.config or {}), KINDS[layer.kind]
    arrays = _whole(layer, layer.arrays[0])
    settings: dict[str, Any] = {"units": arrays[1].shape[0], "use_bias": len(arrays) == 3}
    names = ("activation",) if kind == "rnn" else ("recurrent_activation", "activation")
    functions = dict(zip(names, made.form.functions, strict=False))
    for name, keys in ACTIVATIONS.items():
        if name in functions and any(key in config for key in keys):
            settings[name] = functions[name].name
    if kind == "gru":
        settings["reset_after"] = made.form.reset_after
    if config.get("go_backwards"):
        settings["go_backwards"] = True
    return settings
