"""Lengths, resets and direction, drawn by hypothesis, against the witness that cuts the sequences by hand."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.harness import GENERAL, Split, check_parity, one_thread, run_case  # noqa: F401
from tests.witnesses import PAPERS
from tests.witnesses.cases import Case, inputs

from tidegate.cells import CELLS
from tidegate.engine import Backend

NAMES = ("lstm", "gru_original", "min_gru", "indrnn")
ANY_BACKEND = pytest.mark.parametrize("backend", GENERAL, ids=lambda backend: backend.name)
STEADY = settings(max_examples=20, deadline=None, derandomize=True)


@st.composite
def cases(draw: st.DrawFn, shortest: int = 1) -> Case:
    T, B = draw(st.integers(shortest, 9)), draw(st.integers(1, 4))
    steps = st.tuples(st.integers(0, T - 1), st.integers(0, B - 1))
    lengths = st.lists(st.integers(0, T), min_size=B, max_size=B).map(tuple)
    return Case(
        T=T,
        B=B,
        H=draw(st.integers(1, 3)),
        lengths=draw(st.none() | lengths),
        resets=draw(st.none() | st.frozensets(steps)),
        reverse=draw(st.booleans()),
        start=draw(st.booleans()),
        every=draw(st.integers(0, 4)),
        dtype=draw(st.sampled_from(["float32", "float64"])),
        seed=draw(st.integers(0, 999)),
    )


@ANY_BACKEND
@pytest.mark.parametrize("name", NAMES)
@STEADY
@given(case=cases())
def test_lengths_resets_and_direction(name: str, backend: Backend, case: Case):
    check_parity(backend, CELLS[name], case)


@ANY_BACKEND
@pytest.mark.parametrize("name", NAMES)
@STEADY
@given(case=cases(shortest=2), data=st.data())
def test_a_run_split_anywhere_is_the_whole_run(name: str, backend: Backend, case: Case, data: st.DataObject):
    at = data.draw(st.integers(1, case.T - 1), label="at")
    check_parity(Split(backend, at), CELLS[name], replace(case, every=min(case.every, 1)))


@ANY_BACKEND
@pytest.mark.parametrize("name", NAMES)
@STEADY
@given(case=cases())
def test_other_sequences_of_the_batch_have_no_influence(name: str, backend: Backend, case: Case):
    """Each sequence alone gives, to rounding, what it gives in the batch."""
    case = replace(case, start=True, dtype="float64", every=0)
    given_ = {key: torch.from_numpy(value).double() for key, value in inputs(PAPERS[name], case).items()}
    together = run_case(backend, CELLS[name], PAPERS[name], case, given_)
    for b in range(case.B):
        alone = replace(
            case,
            B=1,
            lengths=case.lengths and (case.lengths[b],),
            resets=None if case.resets is None else frozenset((t, 0) for t, other in case.resets if other == b),
        )
        own = {
            key: value[:, b : b + 1] if key == "x" else value[b : b + 1] if "initial" in key else value
            for key, value in given_.items()
        }
        for key, value in run_case(backend, CELLS[name], PAPERS[name], alone, own).items():
            batched = together[key][:, b : b + 1] if key == "output" else together[key][b : b + 1]
            torch.testing.assert_close(value, batched, rtol=0, atol=64 * torch.finfo(torch.float64).eps)
