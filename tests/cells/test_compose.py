"""Functions from cell to cell: their equations, composition, pickling and errors."""

import pickle
from typing import Any

import pytest

from tidegate.cells import (
    Cell,
    Step,
    cell,
    get_cell,
    gru,
    intervened,
    lstm,
    min_gru,
    projected,
    sigmoid,
    tanh,
    variational_dropout,
    zoneout,
)
from tidegate.errors import CellError


def test_zoneout_as_equations() -> None:
    assert zoneout(lstm, 0.1).text().splitlines()[4:] == [
        "h_t = zoneout_h_t ⊙ h_{t-1} + (1 - zoneout_h_t) ⊙ (o_t ⊙ tanh(f_t ⊙ c_{t-1} + i_t ⊙ g_t))",
        "c_t = zoneout_c_t ⊙ c_{t-1} + (1 - zoneout_c_t) ⊙ (f_t ⊙ c_{t-1} + i_t ⊙ g_t)",
    ]
    assert zoneout(lstm, {"c": 0.5}).text().splitlines()[4] == "h_t = o_t ⊙ tanh(f_t ⊙ c_{t-1} + i_t ⊙ g_t)"
    assert zoneout(lstm, {"c": 0.5}).masks == ("zoneout_c",)


def test_variational_dropout_as_equations() -> None:
    it = variational_dropout(gru, 0.2)
    assert "n_t = tanh(W_n x_t + r_t ⊙ (U_n (dropout_t ⊙ h_{t-1}) + b'_n) + b_n)" in it.text().splitlines()
    assert "h_t = (1 - z_t) ⊙ n_t + z_t ⊙ h_{t-1}" in it.text().splitlines()
    assert it.direct_gates == ()


def test_an_intervention_as_equations() -> None:
    lines = intervened(lstm, {"c": {0: 0.0}}).text().splitlines()
    assert lines[:4] == lstm.text().splitlines()[:4]
    assert lines[4:] == ["c_t = max(min(f_t ⊙ c_{t-1} + i_t ⊙ g_t, c_high_t), c_low_t)", "h_t = o_t ⊙ tanh(c_t)"]


def test_an_intervention_reaches_an_expression_wherever_it_is_written() -> None:
    @cell(gates="a n")
    def twice(x: Any, r: Any) -> Step:
        return Step(h=sigmoid(x.a + r.a) * x.n, gates=dict(a=sigmoid(x.a + r.a)))

    assert intervened(twice, {"a": {0: 0.0}}).text().splitlines()[-1] == "h_t = a_t ⊙ (W_n x_t + b_n)"


def test_an_intervention_on_a_state_that_is_handed_on_leaves_the_other_state_alone() -> None:
    @cell(gates="h", states="h a b")
    def register(x: Any, r: Any, s: Any) -> Step:
        return Step(h=tanh(x.h + r.h + s.a), a=x.h, b=s.a)

    lines = intervened(register, {"b": {0: 0.0}}).text().splitlines()
    assert "h_t = tanh(a_t + U_h h_{t-1} + a_{t-1} + b'_h)" in lines
    assert "b_t = max(min(a_{t-1}, b_high_t), b_low_t)" in lines


COMPOSED = {
    "zoneout": lambda: zoneout(lstm, {"h": 0.1}),
    "variational_dropout": lambda: variational_dropout(gru, 0.2),
    "intervened": lambda: intervened(lstm, {"c": {1: 0.0, 3: (-1.0, 1.0)}, "f": {2: 0.5}}),
    "intervened twice": lambda: intervened(intervened(lstm, {"c": {1: 0.0}}), {"c": {2: 0.0}}),
    "zoneout twice": lambda: zoneout(zoneout(gru, 0.1), 0.2),
    "all": lambda: intervened(zoneout(variational_dropout(lstm, 0.5), 0.1), {"h": {0: 1.0}}),
    "projected": lambda: projected(intervened(zoneout(lstm, {"c": 0.1}), {"c": {0: 1.0}})),
}


@pytest.mark.parametrize("make", COMPOSED.values(), ids=COMPOSED)
def test_composed_cells_compose_and_pickle(make: Any) -> None:
    it: Cell = make()
    again = pickle.loads(pickle.dumps(it))
    assert again.text() == it.text()
    assert (again.name, again.masks, again.mask_defaults) == (it.name, it.masks, it.mask_defaults)
    assert set(it.mask_defaults) == set(it.masks)
    assert (it.gates, it.parameters) == (get_cell(it.name.split("(")[-1].strip(")")).gates, ())


def test_names_of_masks_are_unique() -> None:
    assert COMPOSED["intervened twice"]().masks == ("c_low", "c_high", "c_low_2", "c_high_2")
    assert COMPOSED["zoneout twice"]().masks == ("zoneout_h", "zoneout_h_2")


SWAP: Any = "1"
REFUSED = {
    "zoneout of another state": (lambda: zoneout(gru, {"c": 0.1}), "Zoneout of 'c': gru has the states h"),
    "zoneout above one": (lambda: zoneout(gru, 1.5), r"a rate must be in 0..1, got 1.5"),
    "dropout of everything": (lambda: variational_dropout(lstm, 1.0), "and less than 1, got 1.0"),
    "dropout of no product": (lambda: variational_dropout(min_gru, 0.1), "min_gru has no recurrent product"),
    "another value": (lambda: intervened(lstm, {"r": {0: 0.0}}), "lstm has the gates and states i f g o h c"),
    "a swap": (lambda: intervened(lstm, {"c": {0: SWAP}}), "no value can be moved from one hidden unit to another"),
    "an empty interval": (lambda: intervened(lstm, {"c": {0: (1.0, 0.0)}}), r"got \(1.0, 0.0\)"),
    "not a number": (lambda: intervened(lstm, {"c": {0: float("nan")}}), "set to a number"),
    "a negative unit": (lambda: intervened(lstm, {"c": {-1: 0.0}}), "a hidden unit is a whole number 0..H-1, got -1"),
    "a projected output": (
        lambda: intervened(projected(lstm), {"h": {0: 0.0}}),
        "intervene on the cell before it is projected",
    ),
    "zoneout of a projected output": (lambda: zoneout(projected(lstm), 0.1), "outside a product|only be applied"),
    "a projection of zoneout": (lambda: projected(zoneout(lstm, 0.1)), "outside a product|only be applied"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_impossible_composition_raises(fault: str) -> None:
    make, message = REFUSED[fault]
    with pytest.raises(CellError, match=message):
        make()
