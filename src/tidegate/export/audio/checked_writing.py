"""Files of plug-ins, written once what their reader computes has been compared with Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.errors import ArgumentError, BackendError
from tidegate.export.audio.model_to_play import Source
from tidegate.export.audio.network import Network
from tidegate.io.files import replacing
from tidegate.io.wording import amount, quoted

STEPS = 2048  # that are compared
CLOSE = 1e-5  # relative to the largest output


@dataclass(frozen=True)
class Written:
    """A file that was written.

    Attributes:
        path: the file.
        network: what it holds.
        layers: the hidden units of each of its layers, in words.
        sample_rate: samples per second; None: the file does not say.
        difference: the largest between its outputs and Python's, relative to the largest output.
    """

    path: Path
    network: Network
    layers: Sequence[str]
    sample_rate: int | None
    difference: float

    def __str__(self) -> str:
        layers = amount(len(self.layers), f"{self.network.kind.upper()} layer")
        rate = f"; {self.sample_rate:,} samples per second" if self.sample_rate else ""
        return (
            f"{self.path}: {layers} of {' and '.join(dict.fromkeys(self.layers))}{rate}. Checked: its outputs are "
            f"Python's from the first sample on (largest difference {self.difference:.0e} of the largest output)."
        )


def checked_rate(source: Source, given: int | None) -> int:
    """Return the sample rate that was given, or that of the recordings that the model was trained on.

    Raises:
        ArgumentError: neither is known, or they differ.
    """
    rate = source.sample_rate if given is None else given
    if rate is None:
        raise ArgumentError(
            "The model does not know its sample rate, and plug-ins need it: give that of the audio it was trained on "
            "(--sample-rate 48000; sample_rate=48_000)."
        )
    if isinstance(rate, bool) or not isinstance(rate, int) or not 1000 <= rate <= 1_000_000:
        raise ArgumentError(
            f"sample_rate is {quoted(rate)}, but should be a whole number of samples per second, such as 48000."
        )
    if source.sample_rate not in (None, rate):
        raise ArgumentError(
            f"The sample rate given is {rate:,}, but the recordings that the model was trained on have "
            f"{source.sample_rate:,}: leave it out, or train on recordings of {rate:,}."
        )
    return rate


def write_checked(
    path: Path,
    record: Mapping[str, Any],
    read: Callable[[Mapping[str, Any], Path], Network],
    source: Source,
    *,
    silence: int = 0,
) -> Written:
    """Write a file as JSON, if what its reader computes is what Python computes.

    Args:
        path: the file to write.
        record: its contents.
        read: the format's reader.
        source: the model.
        silence: samples of silence after which the file's states are those of the model.

    Raises:
        BackendError: the outputs differ; nothing is written.
    """
    try:
        text = json.dumps(record, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"metadata should be text and numbers by name ({error}).") from error
    network = read(json.loads(text), path)
    noise = np.random.default_rng(0).standard_normal((STEPS, network.inputs))
    x = np.concatenate([source.mean + source.deviation * noise, source.held_out])
    expected = source.outputs(np.concatenate([np.zeros((silence, network.inputs)), x]))[silence:]
    difference = float(np.abs(network(x) - expected).max() / max(np.abs(expected).max(), 1e-30))
    if not difference <= CLOSE:
        raise BackendError(
            f"What a plug-in would read in {path} differs from Python's outputs by {difference:.2g} of the largest, "
            f"and at most {CLOSE:g} is allowed: nothing was written."
        )
    with replacing(path) as file:
        file.write(text.encode("ascii") + b"\n")
    layers = _layers(network, source.network)
    return Written(path, network, layers, record.get("sample_rate", record.get("samplerate")), difference)


def _layers(network: Network, own: Network) -> list[str]:
    """Say how many hidden units each layer has, and which of them are not the model's own."""
    passing = 0 if own.direct is None or network.direct is not None else int(own.direct.any(1).sum())
    found = []
    for size, units in zip(network.sizes, own.sizes, strict=True):
        still = size - units - passing
        parts = [
            f"the model's {units}",
            _some(passing, "passes the input on", "pass the input on"),
            _some(still, "stays 0", "stay 0"),
        ]
        found.append(f"{size} units" + f" ({', '.join(filter(None, parts))})" * (size > units))
    return found


def _some(count: int, does: str, do: str) -> str:
    return f"{count} that {does if count == 1 else do}" * (count > 0)
