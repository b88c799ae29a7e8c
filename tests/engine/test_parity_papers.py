"""The engine against the papers and torch.nn: every cell, over sizes, lengths, resets, directions and precisions."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.harness import GENERAL, Split, check_parity, one_thread, poisoned_allocations, run_case  # noqa: F401
from tests.witnesses import PAPERS, RECENT, Paper
from tests.witnesses.cases import Case, covering, some_lengths, some_resets
from tests.witnesses.lstm import projected_lstm
from tests.witnesses.paper import tanh as tanh_of

from tidegate.cells import CELLS, Step, cell, projected, tanh
from tidegate.engine import Backend

# Written later: last, so that the others keep their cases, and all but one case among the slow tests.
NAMES = [*sorted({*PAPERS} - {*RECENT}), *RECENT]
ANY_BACKEND = pytest.mark.parametrize("backend", GENERAL, ids=lambda backend: backend.name)
# Variants of cells that run over time as those do: their equations show in short sequences.
VARIANTS = ("layer_norm_lstm", "janet", "li_gru", "sru", "coupled_lstm", "gru_z_new", "gru_original_z_new")
LATER = {name for name in NAMES if name.startswith("odyssey") or name in VARIANTS}
CORE = ("rnn_tanh", "lstm", "peephole_lstm", "gru")
PAIRS = [(name, backend) for name in NAMES for backend in GENERAL]
EVERY_PAIR = pytest.mark.parametrize(
    ("name", "backend"),
    [
        pytest.param(name, b, id=f"{name}-{b.name}", marks=[pytest.mark.slow] if name in {*RECENT, *LATER} else [])
        for name, b in PAIRS
    ],
)
CASES = {name: covering(2, seed=1000 * k) for k, name in enumerate(NAMES)}
RAGGED = Case(T=7, B=5, H=4, lengths=some_lengths(7, 5, 0), resets=some_resets(7, 5, 1))


def test_every_cell_has_a_witness():
    assert set(CELLS) == set(PAPERS)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_stacking_are_the_papers(name: str):
    ours, paper = CELLS[name], PAPERS[name]
    assert ours.input_gates == paper.inputs
    assert ours.recurrent_gates == paper.recurrent
    assert ours.states == paper.states
    assert ours.parameters == paper.parameters
    assert set(ours.recorded) == set(paper.names)
    assert not set(paper.split_bias) & set(ours.presummed_gates), "its two biases are not one"


@pytest.mark.parametrize("strength", [2, 3])
def test_the_cases_cover_all_combinations(strength: int):
    cases = covering(strength, seed=0)
    assert {(case.T, case.H) for case in cases} == set(itertools.product((1, 2, 7, 63), (1, 4, 33)))
    assert {(case.lengths is None, case.reverse) for case in cases} == set(itertools.product((True, False), repeat=2))
    seen = {(case.T, case.resets is None, case.dtype) for case in cases}
    every = set(itertools.product((1, 2, 7, 63), (True, False), ("float32", "float64")))
    assert seen <= every
    assert seen == every or strength == 2
    assert any(0 in case.lengths and case.B > 1 for case in cases if case.lengths)
    assert any(t > 0 for case in cases for t, _ in case.resets or ())


def cases() -> Iterator[Any]:
    """All pairs of a cell and a backend, on all cases; the most expensive ones only in the slow tests."""
    for name, backend in PAIRS:
        for case in CASES[name]:
            costly = name not in CORE and (4 if name in LATER else 10) < case.T * case.B
            if name in RECENT:
                first = next(case for case in CASES[name] if (case.T, case.B) == (2, 1))
                costly = backend.name != "reference" or case != first  # random cells compare kernels with it
            marks = [pytest.mark.slow] if costly else []
            yield pytest.param(name, backend, case, id=f"{name}-{backend.name}-{case.name}", marks=marks)


@pytest.mark.parametrize(("name", "backend", "case"), list(cases()))
def test_parity(name: str, case: Case, backend: Backend):
    check_parity(backend, CELLS[name], case)


@pytest.mark.slow
@EVERY_PAIR
def test_parity_over_all_triples(name: str, backend: Backend):
    for case in covering(3, seed=1000 * NAMES.index(name)):
        check_parity(backend, CELLS[name], case)


@EVERY_PAIR
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_a_run_in_two_parts_is_the_whole_run(name: str, reverse: bool, backend: Backend):
    check_parity(Split(backend, at=3), CELLS[name], replace(RAGGED, reverse=reverse))
    check_parity(Split(backend, at=1), CELLS[name], Case(reverse=reverse, dtype="float32"))


@EVERY_PAIR
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_uninitialised_memory_is_never_read(name: str, reverse: bool, backend: Backend):
    with poisoned_allocations():
        check_parity(backend, CELLS[name], replace(RAGGED, reverse=reverse))


@ANY_BACKEND
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_projection(reverse: bool, dtype: str, backend: Backend):
    check_parity(
        backend, projected(CELLS["lstm"]), Case(projection=3, reverse=reverse, dtype=dtype), paper=projected_lstm
    )
    ragged = replace(RAGGED, projection=3, reverse=reverse, dtype=dtype, every=2)
    check_parity(backend, projected(CELLS["lstm"]), ragged, paper=projected_lstm)


@cell(gates="h", states="h", masks="keep", paper="Krueger et al. 2017, Zoneout")
def zoneout_rnn(x, r, s, m):
    return Step(h=m.keep * s.h + (1 - m.keep) * tanh(x.h + r.h))


def _zoneout_rnn(x, s, w):
    new = tanh_of(w["W_h"] @ x + w["U_h"] @ s["h"] + w["b_h"])
    return {"h": w["keep"] * s["h"] + (1 - w["keep"]) * new}, {}


ZONEOUT = Paper("zoneout_rnn", _zoneout_rnn, inputs=("h",), recurrent=("h",), states=("h",), gates=(), masks=("keep",))


@ANY_BACKEND
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("case", [Case(), RAGGED], ids=["full", "ragged"])
def test_masks_and_their_gradients_follow_their_own_step(case: Case, reverse: bool, backend: Backend):
    check_parity(backend, zoneout_rnn, replace(case, reverse=reverse), paper=ZONEOUT)
