"""Progress, learning rate and own share at points computed by hand."""

import math

import pytest

from tidegate.train import TrainConfig
from tidegate.train.optimization.schedule import learning_rate, progress, sampling_probability, total_steps


def test_progress_is_the_largest_share_of_any_budget():
    assert progress(TrainConfig(steps=200), 50, 10, 1e9) == 0.25
    assert progress(TrainConfig(epochs=4), 10, 10, 0.0) == 0.25
    assert progress(TrainConfig(minutes=2), 0, 10, 30.0) == 0.25
    every = TrainConfig(epochs=4, steps=100, minutes=1)
    assert progress(every, 10, 10, 0.0) == 0.25
    assert progress(every, 10, 10, 30.0) == 0.5
    assert progress(every, 90, 1000, 0.0) == 0.9
    assert progress(every, 500, 10, 0.0) == 1.0


def test_total_steps_is_the_nearest_end_or_unknown():
    assert total_steps(TrainConfig(steps=70, epochs=3), 20) == 60
    assert total_steps(TrainConfig(steps=50, epochs=3), 20) == 50
    assert total_steps(TrainConfig(minutes=3), 20) is None


def test_learning_rate_warms_up_and_then_follows_a_half_cosine():
    config = TrainConfig(learning_rate=0.1, final_learning_rate=0.2, warmup_steps=4, steps=100)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1 / 4)
    assert learning_rate(config, 1, 0.0) == pytest.approx(0.1 / 2)
    assert learning_rate(config, 3, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 50, 0.5) == pytest.approx(0.1 * 0.6)
    assert learning_rate(config, 25, 0.25) == pytest.approx(0.1 * (0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2))
    assert learning_rate(config, 100, 1.0) == pytest.approx(0.02)


def test_no_warm_up_begins_at_the_peak():
    assert learning_rate(TrainConfig(learning_rate=0.1, warmup_steps=0), 0, 0.0) == 0.1


def test_step_is_constant_for_some_epochs_and_divides_at_each_one_after():
    # The reference implementation of Zaremba et al. 2014: lr * decay ** max(epoch + 1 - constant epochs, 0).
    config = TrainConfig(learning_rate=2.0, warmup_steps=0, schedule="step", decay_factor=1.2, decay_after=3)
    found = [learning_rate(config, 0, 0.5, epoch=epoch) for epoch in range(6)]
    assert found == pytest.approx([2.0 * 1.2 ** -max(epoch + 1 - 3, 0.0) for epoch in range(6)])
    assert found[2] == 2.0
    assert found[3] < 2.0


def test_plateau_follows_the_validations_and_constant_nothing():
    config = TrainConfig(learning_rate=20.0, warmup_steps=0, schedule="plateau")
    assert [learning_rate(config, 9, 0.9, epoch=3, decays=n) for n in range(3)] == [20.0, 5.0, 1.25]
    assert learning_rate(TrainConfig(schedule="constant", warmup_steps=2), 9, 0.9, epoch=3) == 3e-3
    assert learning_rate(TrainConfig(schedule="constant", warmup_steps=2), 0, 0.0) == 1.5e-3


def test_sampling_probability_is_linear_in_progress():
    config = TrainConfig(feeding="greedy", sampling_probability_start=0.2, sampling_probability_end=0.6)
    assert [sampling_probability(config, share) for share in (0.0, 0.5, 1.0)] == pytest.approx([0.2, 0.4, 0.6])
    assert sampling_probability(TrainConfig(), 0.7) == 0.0
