"""Schedules: functions of the step, of progress and of the counters, so there is no other state to store."""

import math

from tidegate.train.config import TrainConfig


def progress(config: TrainConfig, step: int, steps_per_epoch: int, elapsed: float) -> float:
    """Return the largest fraction of any budget that is used up, 0 to 1.

    Args:
        config: with at least one budget.
        step: optimizer steps taken.
        steps_per_epoch: steps in one pass over the data.
        elapsed: seconds trained, earlier parts of a resumed run included.

    Returns:
        0 as training begins, 1 when it is to end.
    """
    shares = [0.0]
    if config.epochs is not None:
        shares.append(step / (config.epochs * steps_per_epoch))
    if config.steps is not None:
        shares.append(step / config.steps)
    if config.minutes is not None:
        shares.append(elapsed / (60 * config.minutes))
    return min(1.0, max(shares))


def total_steps(config: TrainConfig, steps_per_epoch: int) -> int | None:
    """Return the number of steps in the budget; None if it is in minutes only."""
    ends = [config.steps, None if config.epochs is None else config.epochs * steps_per_epoch]
    return min((end for end in ends if end is not None), default=None)


def learning_rate(config: TrainConfig, step: int, share: float, *, epoch: int = 0, decays: int = 0) -> float:
    """Learning rate: linear warm-up times what the schedule says.

    ``lr = peak * min(1, (step + 1) / warmup) * factor``, where the factor is

    * cosine: ``end + (1 - end) (1 + cos(pi * progress)) / 2``;
    * constant: 1;
    * step: ``decay_factor ** -max(0, epoch + 1 - decay_after)``, epochs counted from 0 (Zaremba et al. 2014);
    * plateau: ``decay_factor ** -decays``.

    Args:
        config: peak, schedule and warm-up.
        step: steps taken before this one.
        share: progress, 0 to 1.
        epoch: complete passes over the data before this step.
        decays: validations so far that were not the best yet.

    Returns:
        The learning rate of this step.
    """
    warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    return config.learning_rate * warmup * _factor(config, share, epoch, decays)


def _factor(config: TrainConfig, share: float, epoch: int, decays: int) -> float:
    match config.schedule:
        case "cosine":
            end = config.final_learning_rate
            return end + (1 - end) * 0.5 * (1 + math.cos(math.pi * share))
        case "constant":
            return 1.0
        case "step":
            return config.decay_factor ** -max(0, epoch + 1 - config.decay_after)
        case "plateau":
            return config.decay_factor**-decays


def sampling_probability(config: TrainConfig, share: float) -> float:
    """Scheduled sampling (Bengio et al. 2015): linear in progress; 0 with teacher forcing."""
    if config.feeding == "teacher":
        return 0.0
    return (
        config.sampling_probability_start
        + (config.sampling_probability_end - config.sampling_probability_start) * share
    )
