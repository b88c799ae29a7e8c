"""What a screen is: questions that the page asks of it, by name."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.lens.session.session import Looked

Question = tuple[str, Mapping[str, Any]]
"""The name of a view, and what is asked of it."""


def recorded_nothing(looking: Looked) -> Iterable[Question]:
    """A screen that needs the live page."""
    return ()


def language_models(looking: Looked) -> bool:
    """Screens for runs of language models."""
    return looking.run.config.task == "lm"


@dataclass(frozen=True)
class Screen:
    """A screen of the page.

    Attributes:
        name: ``page/screens/NAME.js`` shows it.
        title: its tab.
        views: functions ``f(looking, **what was asked)`` to plain data for JSON, by name; the annotations of what is
            asked say how it is read.
        streams: the same for what comes piece by piece: generators of plain data.
        recorded: what a report asks beforehand, so that the screen works from the file alone.
        shown: whether the screen is for these runs; only then are its questions answered.
        titles: its tab for runs of some tasks, where it is another.
    """

    name: str
    title: str
    views: Mapping[str, Callable[..., Any]]
    streams: Mapping[str, Callable[..., Iterator[Any]]] = field(default_factory=dict)
    recorded: Callable[[Any], Iterable[Question]] = recorded_nothing
    shown: Callable[[Looked], bool] = language_models
    titles: Mapping[str, str] = field(default_factory=dict)


def packed(values: NDArray[Any], scale: float | None = None) -> dict[str, Any]:
    """Numbers in a byte each: value = byte / 127 * scale, as base64 of int8.

    Args:
        values: finite numbers of any shape.
        scale: the largest size there is; found if not given.
    """
    numbers = np.asarray(values, np.float32)
    top = float(np.abs(numbers).max(initial=0.0)) if scale is None else scale
    steps = np.clip(np.round(numbers * (127 / (top or 1.0))), -127, 127).astype(np.int8)
    return {"shape": list(numbers.shape), "scale": top or 1.0, "data": b64encode(steps.tobytes()).decode()}


def rounded(value: float, digits: int = 4) -> float | None:
    """A number for JSON: nan and infinity are null."""
    return round(float(value), digits) if np.isfinite(value) else None
