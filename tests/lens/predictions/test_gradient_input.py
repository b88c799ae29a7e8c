"""Gradient times input of many predictions at once equals that of each alone."""

from __future__ import annotations

import numpy as np
import pytest
from tests.lens.predictions.test_attribution import TEXT, TOKENIZER, model_of

from tidegate.errors import ArgumentError
from tidegate.lens.predictions import gradient_input
from tidegate.lens.predictions.attribution import what_mattered
from tidegate.lens.predictions.gradient_input import gradient_inputs

IDS = TOKENIZER.encode(TEXT)


@pytest.mark.parametrize(("start", "stop", "window"), [(0, 5, 9), (30, 41, 7), (len(IDS) - 3, len(IDS), 200)])
@pytest.mark.parametrize(("cell", "embedding", "layers"), [("lstm", None, 1), ("gru", 3, 2)])
def test_each_row_is_what_mattered_for_one_prediction(
    cell: str, embedding: int | None, layers: int, start: int, stop: int, window: int
) -> None:
    model = model_of(cell, embedding_size=embedding, num_layers=layers).double()
    made = gradient_inputs(model, TOKENIZER, IDS, start, stop, window=window)
    assert made.shape == (stop - start, window)
    for at in range(start, stop):
        count = min(window, at)
        assert (made[at - start, : window - count] == 0).all()
        if at:
            one = what_mattered(model, TOKENIZER, TEXT, at, window=window)
            np.testing.assert_allclose(made[at - start, window - count :], one.gradient_input, rtol=1e-9, atol=1e-12)


def test_rows_that_need_much_memory_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of()
    whole = gradient_inputs(model, TOKENIZER, IDS, 20, 31, window=8)
    monkeypatch.setattr(gradient_input, "ROOM", 3 * 18 * 7)  # three rows of 18 one-hot vectors
    np.testing.assert_allclose(gradient_inputs(model, TOKENIZER, IDS, 20, 31, window=8), whole, rtol=1e-5, atol=1e-7)


def test_the_first_token_has_nothing_before_it() -> None:
    assert (gradient_inputs(model_of(), TOKENIZER, IDS, 0, 1, window=3) == np.zeros((1, 3))).all()


@pytest.mark.parametrize(("start", "stop", "window"), [(3, 3, 9), (-1, 4, 9), (3, len(IDS) + 1, 9), (3, 5, 0)])
def test_no_such_stretch_is_an_error(start: int, stop: int, window: int) -> None:
    with pytest.raises(ArgumentError, match="give a stretch of the 69 tokens and a window of 1 or more"):
        gradient_inputs(model_of(), TOKENIZER, IDS, start, stop, window=window)
