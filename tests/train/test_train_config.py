"""TrainConfig says what is wrong with it."""

import math
from dataclasses import replace

import pytest

from tidegate.errors import ArgumentError
from tidegate.train import TrainConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 0),
        ("k1", 0),
        ("k2", -1),
        ("learning_rate", 0.0),
        ("learning_rate", math.inf),
        ("learning_rate", math.nan),
        ("final_learning_rate", 1.5),
        ("warmup_steps", -1),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("weight_decay", -1.0),
        ("clip", 0.0),
        ("epochs", 0),
        ("steps", -5),
        ("minutes", 0.0),
        ("validate_every", 0),
        ("validation_tokens", 1),
        ("patience", 0),
        ("report_every", 0),
        ("checkpoint_every", 0),
        ("seed", -1),
        ("seed", 2**63),
        ("feeding", "student"),
        ("device", "abacus"),
        ("mixed_precision", "int4"),
    ],
)
def test_a_value_out_of_range_raises(name, value):
    with pytest.raises(ArgumentError, match=f"^{name} is .*must be"):
        TrainConfig(**{name: value})


def test_sampling_probability_out_of_range_raises():
    with pytest.raises(ArgumentError, match=r"sampling_probability_end is 1\.1"):
        TrainConfig(feeding="greedy", sampling_probability_end=1.1)


def test_sampling_probability_with_teacher_forcing_raises():
    with pytest.raises(ArgumentError, match="teacher forcing feeds no predictions"):
        TrainConfig(sampling_probability_start=0.0)


def test_defaults_follow_the_optimizer():
    assert (TrainConfig().learning_rate, TrainConfig().weight_decay) == (3e-3, 0.01)
    sgd = TrainConfig(optimizer="sgd")
    assert (sgd.learning_rate, sgd.weight_decay) == (1.0, 0.0)
    with pytest.raises(ArgumentError, match="optimizer is 'adam', but must be one of 'adamw', 'sgd'"):
        TrainConfig(optimizer="adam")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"optimizer": "sgd", "beta1": 0.5},
            "beta1 is 0.5, but optimizer='sgd' does not use it: choose optimizer='adamw'",
        ),
        ({"decay_factor": 2.0}, "schedule='cosine' does not use it: choose schedule='step' or schedule='plateau'"),
        ({"schedule": "plateau", "decay_after": 2}, "choose schedule='step', or leave it out"),
    ],
)
def test_a_setting_without_effect_is_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        TrainConfig(**settings)


def test_without_a_budget_there_are_ten_epochs_and_with_one_there_are_not():
    assert TrainConfig().epochs == 10
    assert TrainConfig(steps=5).epochs is None
    assert TrainConfig(minutes=5).epochs is None
    assert replace(TrainConfig(), epochs=None, steps=3).epochs is None
