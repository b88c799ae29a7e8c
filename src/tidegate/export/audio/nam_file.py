"""``.nam``, the format of neural-amp-modeler: LSTMs with one number in and one out, and the states after silence.

For each layer ``weights`` has the rows of [W_ih | W_hh] (gates i f g o), b_ih + b_hh, h and c; at the end are W and b
of the linear map. The states are those after 48,000 samples of silence: the plug-in plays on from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError, DataError
from tidegate.export.audio.checked_writing import Written, checked_rate, write_checked
from tidegate.export.audio.json_values import array, read_object, whole
from tidegate.export.audio.model_to_play import Exportable, source_of
from tidegate.export.audio.network import Array, Layer, Network
from tidegate.export.audio.rearranged import after_silence, padded, rounded, without_direct
from tidegate.io.wording import quoted

VERSION = "0.5.4"  # which every plug-in of 2023 and later reads; newer ones add nothing for LSTMs
SILENCE = 48_000  # samples, as in neural-amp-modeler whatever the sample rate


def nam(
    model: Exportable,
    file: str | Path,
    *,
    sample_rate: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Written:
    """Write a model as ``.nam``, which Neural Amp Modeler and other plug-ins play.

    A linear map of the input (the V of a run of ``regress``) has no place in the file; it becomes one more hidden
    unit of every layer.

    Args:
        model: LSTMs with one input, and ``nn.Linear`` with one output: a sequence of them, an ``nn.Sequential``, a
            module of your own as `tidegate.export.program` traces it (which may add its input to the output), a
            `tidegate.tasks.regress.model.Regressor`, or a run of the task ``regress``, whose normalisation is computed
            into the weights.
        file: the file to write.
        sample_rate: samples per second. Default: that of the recordings of the run.
        metadata: entries for the plug-in, such as ``name``, ``modeled_by`` and ``gear_make``.

    Returns:
        The file, and what to know of it.

    Raises:
        ArgumentError: the model has no place in the file, or the sample rate is not known.
        BackendError: the file does not give Python's outputs. Nothing is written then.

    Example:
        >>> import torch, tidegate
        >>> model = tidegate.nn.LSTM(1, 16), torch.nn.Linear(16, 1)
        >>> tidegate.export.nam(model, "amp.nam", sample_rate=48_000)  # doctest: +SKIP
    """
    source = source_of(model)
    rate = checked_rate(source, sample_rate)
    if source.network.kind != "lstm":
        raise ArgumentError(
            "A .nam file holds LSTMs only, and this is a GRU: write a .json file, or train --cell lstm."
        )
    if (sizes := (source.network.inputs, source.network.outputs)) != (1, 1):
        raise ArgumentError(
            f"A .nam file has one number in and one out per sample, and this model {sizes[0]} and {sizes[1]}: train a "
            "model of one channel."
        )
    network = without_direct(source.network, source.mean, source.deviation)
    network = padded(network, [max(network.sizes)] * len(network.sizes))
    network = rounded(after_silence(network, SILENCE))
    record = {
        "version": VERSION,
        "metadata": dict(metadata or {}),
        "architecture": "LSTM",
        "config": {"input_size": 1, "hidden_size": max(network.sizes), "num_layers": len(network.sizes)},
        "weights": _weights(network).tolist(),
        "sample_rate": rate,
    }
    return write_checked(Path(file), record, nam_network, source, silence=SILENCE)


def read_nam(file: str | Path) -> Network:
    """Read a ``.nam`` file with LSTMs.

    Raises:
        DataError: it is none, or was altered.
    """
    return nam_network(read_object(Path(file)), Path(file))


def nam_network(record: Mapping[str, Any], path: Path) -> Network:
    """Return the network in the contents of a ``.nam`` file.

    Raises:
        DataError: there is none, or not a whole one.
    """
    if record.get("architecture") != "LSTM" or not isinstance(config := record.get("config"), dict):
        raise DataError(
            f"{path} should hold a model of the architecture LSTM, but holds {quoted(record.get('architecture'))}."
        )
    inputs, units, layers = (
        whole(config.get(name), f"{path}: {name}") for name in ("input_size", "hidden_size", "num_layers")
    )
    first, later = (4 * units * (before + units) + 6 * units for before in (inputs, units))
    flat = array(record.get("weights"), (first + (layers - 1) * later + units + 1,), f"{path}: weights")
    found, states = [], []
    *pieces, head = np.split(flat, first + later * np.arange(layers))
    for n, piece in enumerate(pieces):
        before = units if n else inputs
        rows, bias, h, c = np.split(piece, np.cumsum([4 * units * (before + units), 4 * units, units]))
        matrix = rows.reshape(4 * units, before + units)
        found.append(Layer(matrix[:, :before], matrix[:, before:], bias, np.zeros(4 * units)))
        states.append((h, c))
    return Network("lstm", found, head[None, :-1], head[-1:], states=states)


def _weights(network: Network) -> Array:
    assert network.states is not None
    pieces: list[Array] = []
    for layer, state in zip(network.layers, network.states, strict=True):
        pieces += [np.hstack([layer.w_ih, layer.w_hh]).ravel(), layer.b_ih + layer.b_hh, *state]
    return np.concatenate([*pieces, network.weight.ravel(), network.bias])
