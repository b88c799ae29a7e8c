"""The layers of a Keras model, in the order of use, from its configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from tidegate.drawing.brief import brief_repr
from tidegate.errors import DataError

DEEPEST = 30  # models within one another


@dataclass(frozen=True)
class LayerConfig:
    """A layer of a model.

    Attributes:
        kind: its class, such as "LSTM".
        name: that of the user.
        config: its settings.
        place: where Keras 3 has its weights.
        within: the names of the models and wrappers that it is in.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    place: str
    within: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A recurrent layer as its file has it.

    Attributes:
        kind: its class, such as "LSTM"; of both directions, or of an RNN, that of the layer or cell within.
        config: the settings of that class; None if the file has none.
        version: of Keras, major and minor; None if the file does not say.
        arrays: of each direction, in Keras' layout and order.
    """

    kind: str
    config: Mapping[str, Any] | None
    version: tuple[int, int] | None
    arrays: tuple[tuple[Tensor, ...], ...]
    __repr__ = brief_repr


def parsed(text: str, path: Path) -> Mapping[str, Any]:
    """Return a configuration from JSON.

    Raises:
        DataError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: the model's configuration is not JSON ({str(error)[:200]}).") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: the model's configuration is a {type(found).__name__}, no object.")
    return found


def layers_of(model: Mapping[str, Any], path: Path) -> Iterator[LayerConfig]:
    """Iterate over the layers of a model's configuration, those of models within it too.

    Raises:
        DataError: it is not of the form that Keras writes.
    """
    yield from _layers(model, path, "", (), 0)


def _layers(
    model: Mapping[str, Any], path: Path, place: str, within: tuple[str, ...], depth: int
) -> Iterator[LayerConfig]:
    if depth > DEEPEST:
        raise DataError(f"{path}: models lie more than {DEEPEST} deep in one another.")
    config = model.get("config")
    given = config if isinstance(config, list) else config.get("layers") if isinstance(config, dict) else None
    if not isinstance(given, list):
        raise DataError(f"{path}: the configuration of {_name(model)!r} has no list of layers.")
    used: dict[str, int] = {}
    for entry in given:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise DataError(f"{path}: the configuration of {_name(model)!r} has a layer without a class.")
        kind = entry["class_name"].rpartition(">")[2]
        own = f"{place}layers/{counted(snake_case(kind), used)}/"
        settings = entry.get("config")
        if kind in ("Sequential", "Functional", "Model"):
            yield from _layers(entry, path, own, (*within, _name(entry)), depth + 1)
            continue
        settings = settings if isinstance(settings, dict) else {}
        inner = settings.get("layer")
        if kind == "TimeDistributed" and isinstance(inner, dict):
            kind, settings = str(inner.get("class_name", "")), inner.get("config") or {}
            yield LayerConfig(kind, _name(inner), settings, own + "layer/", (*within, _name(entry)))
        else:
            yield LayerConfig(kind, _name(entry), settings, own, within)


def _name(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    found = config.get("name") if isinstance(config, dict) else None
    return str(found or entry.get("name") or entry.get("class_name") or "model")


def counted(name: str, used: dict[str, int]) -> str:
    """Return a name as Keras 3 has it the first, second and third time: lstm, lstm_1, lstm_2."""
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def snake_case(name: str) -> str:
    """Return the name that Keras 3 has for a class in files: simple_rnn for SimpleRNN."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", re.sub(r"\W+", "", name)))
    return words.lower()


def inner_layer(config: Mapping[str, Any], key: str, where: str, path: Path) -> tuple[str, Mapping[str, Any]]:
    """Return the class and settings of a layer or cell within the settings of another.

    Raises:
        DataError: there is none.
    """
    found = config.get(key)
    if not isinstance(found, dict) or not isinstance(found.get("config"), dict):
        raise DataError(f"{path}: the configuration of {where} has no {key}.")
    return str(found.get("class_name", "")).rpartition(">")[2], found["config"]


def texts(values: Any) -> Sequence[str]:
    """Return a list of names, [] if it is none."""
    return [str(it) for it in values] if isinstance(values, list) else []
