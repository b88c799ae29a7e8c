"""Zoneout, variational dropout and interventions over time, against NumPy transcriptions; and their masks alone."""

from dataclasses import replace

import pytest
import torch
from tests.harness import GENERAL, Split, check_parity, one_thread  # noqa: F401
from tests.witnesses import Paper
from tests.witnesses.cases import Case, some_lengths, some_resets
from tests.witnesses.composed import intervened_lstm, variational_dropout_lstm, zoneout_lstm

from tidegate.cells import CELLS, Cell, Noise, gru, gru_original, intervened, lstm, variational_dropout, zoneout
from tidegate.engine import Backend, Weights, draw_masks, program, run
from tidegate.errors import ArgumentError

RAGGED = Case(T=7, B=5, H=4, lengths=some_lengths(7, 5, 0), resets=some_resets(7, 5, 1))
COMPOSED = {
    "zoneout": (zoneout(lstm, 0.5), zoneout_lstm),
    "variational_dropout": (variational_dropout(lstm, 0.5), variational_dropout_lstm),
    "intervened": (intervened(lstm, {"c": {0: 0.0}, "f": {0: 0.0}}), intervened_lstm),
}
ANY_BACKEND = pytest.mark.parametrize("backend", GENERAL, ids=lambda backend: backend.name)


@ANY_BACKEND
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("case", [Case(dtype="float32", H=33), RAGGED, replace(RAGGED, every=3)], ids=lambda c: c.name)
@pytest.mark.parametrize(("it", "paper"), COMPOSED.values(), ids=COMPOSED)
def test_parity(it: Cell, paper: Paper, case: Case, reverse: bool, backend: Backend):
    check_parity(backend, it, replace(case, reverse=reverse), paper=paper)


@ANY_BACKEND
@pytest.mark.parametrize(("it", "paper"), COMPOSED.values(), ids=COMPOSED)
def test_a_run_in_two_parts_is_the_whole_run(it: Cell, paper: Paper, backend: Backend):
    check_parity(Split(backend, at=3), it, RAGGED, paper=paper)


def weights(cell: Cell, inputs: int = 3, units: int = 6) -> Weights:
    torch.manual_seed(0)
    return Weights(
        torch.randn(len(cell.input_gates) * units, inputs),
        torch.randn(len(cell.recurrent_gates) * units, units),
        torch.randn(len(cell.input_gates) * units),
    )


@ANY_BACKEND
def test_an_omitted_mask_has_its_expectation(backend: Backend):
    it, w, x = zoneout(lstm, {"c": 0.25}), weights(lstm), torch.randn(5, 2, 3)
    given = run(it, x, w, masks={"zoneout_c": torch.full((5, 2, 6), 0.25)}, backend=backend)
    assert torch.equal(run(it, x, w, backend=backend).output, given.output)
    for name in ("lstm", "gru", "gru_original"):
        cell = CELLS[name]
        found = run(variational_dropout(cell, 0.3), x, weights(cell), backend=backend).output
        torch.testing.assert_close(found, run(cell, x, weights(cell), backend=backend).output)


@pytest.mark.parametrize(("rate", "backend"), [(rate, b) for rate in (0.0, 1.0) for b in GENERAL])
def test_the_two_ends_of_zoneout(rate: float, backend: Backend):
    """At rate 0 it is the cell itself, at rate 1 the state never changes, with drawn and with expected masks."""
    it, w, x, h0 = zoneout(gru, rate), weights(gru), torch.randn(5, 2, 3), torch.randn(2, 6)
    expected = run(gru, x, w, [h0], backend=backend).output if rate == 0 else h0.expand(5, 2, 6)
    for masks in (draw_masks(it, x, 6), None):
        assert torch.equal(run(it, x, w, [h0], masks=masks, backend=backend).output, expected)


def test_drawn_noise_has_its_probability_and_its_mean():
    torch.manual_seed(0)
    it = variational_dropout(zoneout(lstm, {"h": 0.05, "c": 0.5}), 0.2)
    x = torch.zeros(40, 50, 3)
    masks = draw_masks(it, x, 64)
    assert set(masks) == {"zoneout_h", "zoneout_c", "dropout"}
    for name, values, probability in (("zoneout_h", {0.0, 1.0}, 0.05), ("zoneout_c", {0.0, 1.0}, 0.5)):
        assert set(masks[name].unique().tolist()) == values
        assert masks[name].mean().item() == pytest.approx(probability, abs=0.01)
        assert not torch.equal(masks[name][0], masks[name][1])
    drop = masks["dropout"]
    assert drop.unique().tolist() == [0.0, 1.25]
    assert drop.shape == (40, 50, 64)
    assert torch.equal(drop, drop[:1].expand_as(drop)), "one mask for the whole sequence"
    assert not torch.equal(drop[0, 0], drop[0, 1]), "and another for the next"
    assert drop.mean().item() == pytest.approx(1, abs=0.05)
    assert it.mask_defaults["dropout"] == Noise(0.8, mean=1.0, per_sequence=True)


@ANY_BACKEND
def test_interventions_hold_their_hidden_units_and_leave_the_others_alone(backend: Backend):
    it = intervened(lstm, {"c": {4: 0.0}, "o": {1: (0.25, 0.75), 2: 1.0}})
    w, x, state = weights(lstm), 3 * torch.randn(9, 4, 3), [torch.randn(4, 6), torch.randn(4, 6)]
    plain = run(lstm, x, w, state, record="all", lengths=[9, 4, 0, 6], backend=backend)
    found = run(it, x, w, state, record="all", lengths=[9, 4, 0, 6], backend=backend)
    valid = torch.arange(9)[:, None] < torch.tensor([9, 4, 0, 6])
    assert not found.record["c"][..., 4].any()
    assert not found.output[..., 4].any()
    assert plain.output[..., 4][valid].abs().min() > 0
    assert (found.record["o"][..., 2] == valid).all()
    o = found.record["o"][..., 1][valid]
    assert 0.25 == o.min() < o.max() == 0.75
    torch.testing.assert_close(found.record["i"][0], plain.record["i"][0])  # the first step's gates see only x and h_0
    assert torch.equal(found.state[1][2], state[1][2]), "the initial state is not edited"
    torch.testing.assert_close(found.output[0][:, [0, 3, 5]], plain.output[0][:, [0, 3, 5]])
    assert not torch.equal(found.output[5][0, [0, 3, 5]], plain.output[5][0, [0, 3, 5]]), "later steps see the edit"


@ANY_BACKEND
def test_no_gradient_passes_a_hidden_unit_that_is_held(backend: Backend):
    w, x = weights(lstm), torch.randn(4, 2, 3)
    c0 = torch.randn(2, 6, requires_grad=True)
    result = run(intervened(lstm, {"c": {4: 0.5}}), x, w, [torch.zeros(2, 6), c0], backend=backend)
    (gradient,) = torch.autograd.grad(result.output.sum() + result.state[1].sum(), c0)
    assert (gradient[:, 4] == 0).all()
    assert (gradient[:, [0, 1, 2, 3, 5]] != 0).all()


@ANY_BACKEND
def test_an_intervention_may_begin_at_a_later_step(backend: Backend):
    it, w, x = intervened(lstm, {"c": {4: 0.0}}), weights(lstm), torch.randn(6, 2, 3)
    low, high = torch.full((6, 2, 6), -torch.inf), torch.full((6, 2, 6), torch.inf)
    low[3:, 1, 4] = high[3:, 1, 4] = 0
    plain, found = (
        run(c, x, w, masks=m, backend=backend).output for c, m in ((lstm, None), (it, dict(c_low=low, c_high=high)))
    )
    torch.testing.assert_close(found[:, 0], plain[:, 0])
    torch.testing.assert_close(found[:3], plain[:3])
    assert not found[3:, 1, 4].any()


def test_cells_that_differ_in_numbers_only_share_their_program():
    first, second = intervened(gru_original, {"h": {1: 0.0}}), intervened(gru_original, {"h": {2: (-1, 1)}})
    assert program(first) is program(second)
    assert program(first) is not program(gru_original)
    assert program(zoneout(lstm, 0.1)) is program(zoneout(lstm, 0.2))


def test_intervention_on_a_missing_hidden_unit_raises():
    with pytest.raises(ArgumentError, match=r"intervened\(lstm\): mask 'c_low' is for hidden unit 87"):
        run(intervened(lstm, {"c": {87: 0.0}}), torch.zeros(2, 1, 3), weights(lstm))
