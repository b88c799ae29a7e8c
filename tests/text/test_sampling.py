"""Sampling against distributions worked out by hand."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tidegate.errors import ArgumentError
from tidegate.text.sampling import Sampling, draw, filtered, keep_min_p, keep_top_k, keep_top_p, with_temperature


def logits_of(*probabilities: float) -> Tensor:
    return torch.tensor([probabilities], dtype=torch.float64).log()


def kept(logits: Tensor) -> list[int]:
    return torch.isfinite(logits[0]).nonzero()[:, 0].tolist()


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_temperature_is_the_power_of_the_probabilities():
    # p^(1/T): with T = 1/2 the odds 1:3 become 1:9.
    after = with_temperature(logits_of(0.25, 0.75), 0.5).softmax(-1)
    torch.testing.assert_close(after, torch.tensor([[0.1, 0.9]], dtype=torch.float64))
    # with T = 2 the odds 1:9 become 1:3.
    after = with_temperature(logits_of(0.1, 0.9), 2.0).softmax(-1)
    torch.testing.assert_close(after, torch.tensor([[0.25, 0.75]], dtype=torch.float64))


def test_temperature_zero_leaves_the_first_of_the_most_likely():
    assert kept(with_temperature(logits_of(0.2, 0.4, 0.4), 0.0)) == [1]


def test_a_tiny_temperature_does_not_overflow():
    after = with_temperature(torch.tensor([[1000.0, 999.0]]), 1e-38).softmax(-1)
    assert after.tolist() == [[1.0, 0.0]]


def test_top_k_keeps_the_k_most_likely():
    logits = logits_of(0.1, 0.4, 0.2, 0.3)
    assert kept(keep_top_k(logits, 1)) == [1]
    assert kept(keep_top_k(logits, 2)) == [1, 3]
    assert kept(keep_top_k(logits, 4)) == [0, 1, 2, 3]


def test_top_k_larger_than_the_vocabulary_keeps_everything():
    logits = logits_of(0.1, 0.9)
    assert keep_top_k(logits, 50) is logits


def test_top_k_keeps_all_units_equal_to_the_kth():
    assert kept(keep_top_k(logits_of(0.4, 0.25, 0.25, 0.1), 2)) == [0, 1, 2]


def test_top_p_keeps_the_smallest_set_that_reaches_p():
    logits = logits_of(0.1, 0.4, 0.2, 0.3)  # ranked: 1 (.4) 3 (.7) 2 (.9) 0 (1.)
    assert kept(keep_top_p(logits, 0.01)) == [1]
    assert kept(keep_top_p(logits, 0.39)) == [1]
    assert kept(keep_top_p(logits, 0.41)) == [1, 3]
    assert kept(keep_top_p(logits, 0.69)) == [1, 3]
    assert kept(keep_top_p(logits, 0.71)) == [1, 2, 3]
    assert kept(keep_top_p(logits, 1.0)) == [0, 1, 2, 3]


def test_top_p_takes_equals_in_order():
    assert kept(keep_top_p(logits_of(0.25, 0.25, 0.25, 0.25), 0.4)) == [0, 1]
    many = torch.tensor([[1.0, 2.0] * 5000])  # large enough for a sort that is not stable to show
    order = [*range(1, 10_000, 2), *range(0, 10_000, 2)]
    left = kept(keep_top_p(many, 0.9))
    assert left == sorted(order[: len(left)])
    assert len(left) > 5000


def test_top_p_works_row_by_row():
    logits = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log()
    assert torch.isfinite(keep_top_p(logits, 0.5)).tolist() == [[True, False], [False, True]]


def test_min_p_is_measured_against_the_most_likely():
    logits = logits_of(0.5, 0.3, 0.15, 0.05)
    assert kept(keep_min_p(logits, 0.59)) == [0, 1]  # 0.59 * 0.5 = 0.295
    assert kept(keep_min_p(logits, 0.61)) == [0]
    assert kept(keep_min_p(logits, 1.0)) == [0]
    assert kept(keep_min_p(logits, 0.0)) == [0, 1, 2, 3]


def test_all_mass_on_one_unit_survives_every_filter():
    logits = torch.tensor([[-math.inf, 0.0, -math.inf]])
    for sampling in (Sampling(top_k=1), Sampling(top_k=2), Sampling(top_p=0.5), Sampling(min_p=0.5), Sampling(0.0)):
        assert kept(filtered(logits, sampling)) == [1]
        assert draw(logits, sampling, generators(0)).tolist() == [1]


def test_filters_compose_in_the_documented_order():
    # Temperature first: T = 2 turns .64 .16 .16 .04 into .4 .2 .2 .2 / (sum 2 * ...): odds 8:4:4:2 -> 4/9 2/9 2/9 1/9.
    logits = logits_of(0.64, 0.16, 0.16, 0.04)
    assert kept(filtered(logits, Sampling(top_p=0.6))) == [0]
    assert kept(filtered(logits, Sampling(2.0, top_p=0.6))) == [0, 1]
    # Top-p sees what top-k left, renormalised: .4 .3 .2 .1 -> 4/7 3/7, so p = .5 is reached by the first alone.
    logits = logits_of(0.4, 0.3, 0.2, 0.1)
    assert kept(filtered(logits, Sampling(top_p=0.5))) == [0, 1]
    assert kept(filtered(logits, Sampling(top_k=2, top_p=0.5))) == [0]


def test_greedy_draws_the_most_likely_and_the_first_of_equals():
    logits = torch.tensor([[0.0, 2.0, 2.0], [3.0, 1.0, 3.0]])
    assert draw(logits, Sampling(temperature=0), generators(1, 2)).tolist() == [1, 0]


def test_draws_follow_the_distribution():
    n = 20_000
    probabilities = torch.tensor([0.5, 0.25, 0.0, 0.2, 0.05], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    drawn = draw(probabilities.log().expand(n, -1), Sampling(), [generator] * n)
    counts = torch.bincount(drawn, minlength=5)
    assert counts[2] == 0
    expected = probabilities * n
    chi2 = ((counts - expected) ** 2 / expected)[probabilities > 0].sum().item()
    assert chi2 < 16.27  # 3 degrees of freedom, 1 in 1,000; the seed is fixed


@pytest.mark.parametrize(("uniform", "unit"), [(0.0, 1), (0.5, 3), (1 - 2**-53, 3)])
def test_the_ends_of_the_interval_never_draw_a_token_of_probability_0(monkeypatch, uniform, unit):
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.tensor([uniform], dtype=torch.float64))
    assert draw(logits_of(0.0, 0.5, 0.0, 0.5, 0.0), Sampling(), generators(0)).item() == unit


def test_a_row_does_not_depend_on_the_rows_beside_it():
    logits = torch.randn(4, 11, generator=torch.Generator().manual_seed(3))
    together = draw(logits, Sampling(top_k=5), generators(10, 11, 12, 13))
    alone = [draw(logits[b : b + 1], Sampling(top_k=5), generators(10 + b)).item() for b in range(4)]
    assert together.tolist() == alone


def test_greedy_uses_up_the_generators_as_drawing_does():
    # So that a sample's stream stays in step whatever the settings.
    greedy, drawn = generators(5), generators(5)
    draw(logits_of(0.5, 0.5), Sampling(temperature=0), greedy)
    draw(logits_of(0.5, 0.5), Sampling(), drawn)
    assert torch.equal(greedy[0].get_state(), drawn[0].get_state())


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-30, 30), min_size=1, max_size=12),
    temperature=st.sampled_from([0.0, 0.1, 1.0, 3.0]),
    top_k=st.sampled_from([None, 1, 3, 100]),
    top_p=st.sampled_from([None, 1e-6, 0.5, 0.999, 1.0]),
    min_p=st.sampled_from([None, 0.0, 0.3, 1.0]),
)
def test_the_most_likely_unit_is_always_kept_and_only_kept_units_are_drawn(values, temperature, top_k, top_p, min_p):
    logits = torch.tensor([values], dtype=torch.float64)
    sampling = Sampling(temperature, top_k, top_p, min_p)
    left = kept(filtered(logits, sampling))
    assert int(logits.argmax()) in left
    assert draw(logits, sampling, generators(0)).item() in left


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"temperature": math.inf}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": -3}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"top_p": math.nan}, "top_p"),
        ({"min_p": -0.1}, "min_p"),
        ({"min_p": 1.1}, "min_p"),
    ],
)
def test_values_out_of_range_are_refused_by_name(values, name):
    with pytest.raises(ArgumentError, match=name):
        Sampling(**values)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(bad):
    with pytest.raises(ArgumentError, match="not finite"):
        draw(torch.tensor([[0.0, bad]]), Sampling(), generators(0))


def test_rows_and_generators_must_match():
    with pytest.raises(ArgumentError, match="1 generators"):
        draw(torch.zeros(2, 3), Sampling(), generators(0))
