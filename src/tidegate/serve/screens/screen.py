"""A screen of the page: the views that answer its questions, and what a report stores of them."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import TextSession
from tidegate.text.tokenizers.tokenizer import Tokenizer

Question = tuple[str, Mapping[str, Any]]
"""The name of a view, and its parameters."""


def nothing_recorded(session: Session) -> Iterable[Question]:
    """Record nothing: the screen needs the live page."""
    return ()


def language_models(session: Session) -> bool:
    """Return whether the runs are language models."""
    return isinstance(session, TextSession)


@dataclass(frozen=True)
class Screen:
    """A screen of the page.

    Attributes:
        name: ``page/screens/NAME.js`` shows it.
        title: the tab's title.
        views: functions ``f(session, **parameters)`` that return plain data for JSON, by name; parameters are read by
            their annotations.
        streams: likewise generators of plain data, for what is shown piece by piece.
        recorded: the questions whose answers a report stores, so that the screen works from the file alone.
        shown: whether the screen is for this session; only then are its questions answered.
        title_of: the tab's title in a session, where it depends on the task.
    """

    name: str
    title: str
    views: Mapping[str, Callable[..., Any]]
    streams: Mapping[str, Callable[..., Iterator[Any]]] = field(default_factory=dict)
    recorded: Callable[[Any], Iterable[Question]] = nothing_recorded
    shown: Callable[[Session], bool] = language_models
    title_of: Callable[[Any], str] | None = None

    def title_for(self, session: Session) -> str:
        """Return the tab's title in a session."""
        return self.title if self.title_of is None else self.title_of(session)


def packed(values: NDArray[Any], scale: float | None = None) -> dict[str, Any]:
    """Return numbers in a byte each, as base64 of int8: value = byte / 127 * scale.

    Args:
        values: finite numbers of any shape.
        scale: the largest magnitude. Default: that of the values.
    """
    numbers = np.asarray(values, np.float32)
    top = float(np.abs(numbers).max(initial=0.0)) if scale is None else scale
    steps = np.clip(np.round(numbers * (127 / (top or 1.0))), -127, 127).astype(np.int8)
    return {"shape": list(numbers.shape), "scale": top or 1.0, "data": b64encode(steps.tobytes()).decode()}


def rounded(value: float, digits: int = 4) -> float | None:
    """Return a number for JSON: nan and infinity become null."""
    return round(float(value), digits) if np.isfinite(value) else None


def token_string(tokenizer: Tokenizer, token: int) -> str:
    """Return the text of one token; bytes that are no whole character are escaped.

    Unlike `Tokenizer.token_text` it does not escape a new line: the page has signs of its own.
    """
    text = tokenizer.decode([token])
    return tokenizer.token_text(token) if not text or "\ufffd" in text else text
