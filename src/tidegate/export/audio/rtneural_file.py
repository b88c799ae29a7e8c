"""JSON of RTNeural, which AIDA-X and many other plug-ins play: layers as Keras has them, which begin with zeros.

An LSTM's ``weights`` are W_ih' (I, 4 H), W_hh' (H, 4 H) and the sum of its biases, gates i f c o. A GRU's have the
gates in the order z r h, and both biases (2, 3 H). A dense layer's are W' (H, O) and b.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from tidegate.errors import ArgumentError, DataError
from tidegate.export.audio.checked_writing import Written, checked_rate, write_checked
from tidegate.export.audio.json_values import array, read_object, whole
from tidegate.export.audio.model_to_play import Exportable, Source, source_of
from tidegate.export.audio.network import GATES, Array, Kind, Layer, Network
from tidegate.export.audio.rearranged import padded, rounded, without_direct
from tidegate.io.wording import quoted

AIDA_X_UNITS = (8, 12, 16, 20, 24, 32, 40, 64, 80)  # which its plug-ins are compiled for
AIDA_X_INPUTS = 3
SAME = 1e-6  # what single precision leaves of a factor of 1
SELF_TEST = 2048  # samples that aidadsp-lv2 compares when it loads a file
ORDER: dict[Kind, list[int]] = {"lstm": [0, 1, 2, 3], "gru": [1, 0, 2]}  # Keras' order of PyTorch's gates, and back


def rtneural(
    model: Exportable,
    file: str | Path,
    *,
    sample_rate: int | None = None,
    metadata: Mapping[str, Any] | None = None,
    aida_x: bool = True,
) -> Written:
    """Write a model as JSON for RTNeural, by default so that AIDA-X plays it too.

    AIDA-X plays one LSTM or GRU of 8, 12, 16, 20, 24, 32, 40, 64 or 80 units: a model of another size gets units that
    stay 0. A linear map of the input (the V of a run of ``regress``) has no place in the file; it becomes one more
    hidden unit of every layer, unless it is the input itself, which AIDA-X can add (``in_skip``).

    Args:
        model: LSTMs or GRUs, and ``nn.Linear``: a sequence of them, an ``nn.Sequential``, a
            module of your own as `tidegate.export.program` traces it (which may add its input to the output), a
            `tidegate.tasks.regress.model.Regressor`, or a run of the task ``regress``, whose normalisation is computed
            into the weights.
        file: the file to write.
        sample_rate: samples per second. Default: that of the recordings of the run. Only AIDA-X needs it.
        metadata: entries for AIDA-X, such as ``name``, ``author`` and ``license``.
        aida_x: refuse what AIDA-X cannot play, and write what it reads besides: sample rate, self-test, metadata.

    Returns:
        The file, and what to know of it.

    Raises:
        ArgumentError: the model has no place in the file, or the sample rate is not known.
        BackendError: the file does not give Python's outputs. Nothing is written then.

    Example:
        >>> import torch, tidegate
        >>> model = tidegate.nn.GRU(1, 16), torch.nn.Linear(16, 1)
        >>> tidegate.export.rtneural(model, "amp.json", sample_rate=48_000)  # doctest: +SKIP
    """
    source = source_of(model)
    if source.network.states is not None:
        raise ArgumentError(
            "The model begins with learned states, and RTNeural with zeros: train it without, or write a .nam file."
        )
    if not aida_x:
        if metadata:
            raise ArgumentError("metadata is for AIDA-X, and with aida_x=False the file is not: leave it out.")
        rate = None if sample_rate is None and source.sample_rate is None else checked_rate(source, sample_rate)
        network = rounded(without_direct(source.network, source.mean, source.deviation))
        return write_checked(
            Path(file), _record(network) | ({"samplerate": rate} if rate else {}), rtneural_network, source
        )
    if "samplerate" in (metadata or {}):
        raise ArgumentError("The samplerate in the metadata is that of sample_rate: leave it out of metadata.")
    rate = checked_rate(source, sample_rate)
    network = rounded(_for_aida_x(source))
    x = np.zeros((SELF_TEST, network.inputs))  # what comes after the audio are knobs, which stand at 0 in the test
    x[:, 0] = np.random.default_rng(1).uniform(-0.5, 0.5, SELF_TEST).astype(np.float32)
    extra = {
        "in_skip": int(network.direct is not None),
        "samplerate": rate,
        "input_batch": x[:, 0].tolist(),
        "output_batch": network(x)[:, 0].tolist(),
        "metadata": dict(metadata or {}) | {"samplerate": rate},
    }
    return write_checked(Path(file), _record(network) | extra, rtneural_network, source)


def _for_aida_x(source: Source) -> Network:
    """Return a network that AIDA-X can play.

    Raises:
        ArgumentError: there is none.
    """
    network = source.network
    if len(network.layers) > 1:
        raise _not_for_aida_x(f"plays one recurrent layer, and this model has {len(network.layers)}")
    if network.inputs > AIDA_X_INPUTS or network.outputs > 1:
        sizes = f"{network.inputs} and {network.outputs}"
        raise _not_for_aida_x(f"takes 1 to 3 inputs and gives 1 output, and this model has {sizes}")
    is_input = network.direct is not None and network.inputs == 1 and abs(network.direct.item() - 1) < SAME
    if is_input:
        network = replace(network, direct=np.ones((1, 1)))
    else:
        network = without_direct(network, source.mean, source.deviation)
    (units,) = network.sizes
    if units > AIDA_X_UNITS[-1]:
        raise _not_for_aida_x(f"plays at most {AIDA_X_UNITS[-1]} hidden units, and this model needs {units}")
    return padded(network, [next(size for size in AIDA_X_UNITS if size >= units)])


def _not_for_aida_x(why: str) -> ArgumentError:
    return ArgumentError(f"AIDA-X {why}. --no-aida-x (aida_x=False) writes it for RTNeural alone.")


def _record(network: Network) -> dict[str, Any]:
    order, gates = ORDER[network.kind], GATES[network.kind]
    layers = []
    for layer in network.layers:

        def columns(rows: Array, size: int = layer.units) -> Array:
            return np.concatenate([rows.reshape(gates, size, -1)[gate] for gate in order]).T

        b_ih, b_hh = columns(layer.b_ih)[0], columns(layer.b_hh)[0]
        bias = b_ih + b_hh if network.kind == "lstm" else np.stack([b_ih, b_hh])
        weights = [columns(layer.w_ih), columns(layer.w_hh), bias]
        layers.append(_layer(network.kind, layer.units, weights))
    layers.append(_layer("dense", network.outputs, [network.weight.T, network.bias]))
    return {"in_shape": [None, None, network.inputs], "layers": layers}


def _layer(kind: str, size: int, weights: Sequence[Array]) -> dict[str, Any]:
    shape = [None, None, size]
    return {"type": kind, "activation": "", "shape": shape, "weights": [it.tolist() for it in weights]}


def read_rtneural(file: str | Path) -> Network:
    """Read a JSON file of RTNeural as AIDA-X does, with ``in_skip`` and ``out_gain``.

    Raises:
        DataError: it is none, was altered, or holds other layers than LSTMs or GRUs and one dense layer.
    """
    return rtneural_network(read_object(Path(file)), Path(file))


def rtneural_network(record: Mapping[str, Any], path: Path) -> Network:
    """Return the network in the contents of a JSON file of RTNeural.

    Raises:
        DataError: there is none, or not a whole one.
    """
    given = record.get("layers")
    if not isinstance(given, list) or not all(isinstance(it, dict) for it in given):
        raise DataError(f"{path}: layers should be a list of objects, but is {quoted(given)}.")
    *recurrent, head = [it.get("type") for it in given] or [None]
    if set(recurrent) not in ({"lstm"}, {"gru"}) or head not in ("dense", "time-distributed-dense"):
        raise DataError(
            f"{path}: lstm or gru layers and one dense layer are expected, but there are {quoted([*recurrent, head])}."
        )
    if given[-1].get("activation", "") not in ("", "linear"):
        raise DataError(
            f"{path}: the dense layer has the activation {quoted(given[-1]['activation'])}, which is not read."
        )
    kind = cast(Kind, recurrent[0])
    size = _last(record.get("in_shape"), f"{path}: in_shape")
    layers = []
    for n, it in enumerate(given[:-1]):
        where = f"{path}: the weights of layer {n + 1}"
        units = _last(it.get("shape"), f"{path}: the shape of layer {n + 1}")
        w_ih, w_hh, bias = _weights(it, 3, where)
        wide = GATES[kind] * units
        both = array(bias, (2, wide) if kind == "gru" else (wide,), where)
        b_ih, b_hh = both if kind == "gru" else (both, np.zeros(wide))

        def rows(columns: Array, units: int = units) -> Array:
            parts = columns.T.reshape(GATES[kind], units, -1)
            return np.concatenate([parts[gate] for gate in ORDER[kind]])

        layers.append(
            Layer(
                rows(array(w_ih, (size, wide), where)),
                rows(array(w_hh, (units, wide), where)),
                rows(b_ih[None])[:, 0],
                rows(b_hh[None])[:, 0],
            )
        )
        size = units
    outputs, where = (
        _last(given[-1].get("shape"), f"{path}: the shape of the dense layer"),
        f"{path}: the dense layer's weights",
    )
    weight, bias = _weights(given[-1], 2, where)
    network = Network(kind, layers, array(weight, (size, outputs), where).T, array(bias, (outputs,), where))
    return _with_extras(network, record, path)


def _with_extras(network: Network, record: Mapping[str, Any], path: Path) -> Network:
    """Return a network with what AIDA-X does besides: in_skip and out_gain."""
    if record.get("in_gain", 0) != 0:
        raise DataError(f"{path}: in_gain is {quoted(record['in_gain'])}, which some plug-ins apply and others do not.")
    gain = record.get("out_gain", 0)
    if type(gain) not in (int, float) or not abs(gain) <= 200:
        raise DataError(f"{path}: out_gain should be in decibels, but is {quoted(gain)}.")
    scale = 10 ** (gain / 20)
    network = replace(network, weight=network.weight * scale, bias=network.bias * scale)
    if not whole(record.get("in_skip", 0), f"{path}: in_skip", 0):
        return network
    if network.outputs > 1:
        raise DataError(f"{path}: in_skip adds the input to one output, and there are {network.outputs}.")
    return replace(network, direct=np.eye(1, network.inputs))


def _last(shape: object, where: str) -> int:
    return whole(shape[-1] if isinstance(shape, list) and shape else shape, where)


def _weights(layer: Mapping[str, Any], count: int, where: str) -> list[Any]:
    found = layer.get("weights")
    if not isinstance(found, list) or len(found) != count:
        raise DataError(f"{where} should be a list of {count} arrays, but are {quoted(found)}.")
    return found
