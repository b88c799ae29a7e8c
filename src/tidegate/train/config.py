"""How a model is trained, as plain data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tidegate.errors import ArgumentError
from tidegate.text.feeding import Feeding
from tidegate.train.records import stored_as

DEFAULT_EPOCHS = 10
BUDGET = ("epochs", "steps", "minutes")


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    The budget is whatever of ``epochs``, ``steps`` and ``minutes`` is given; progress is the largest share of any that
    is used up, and training ends at 1. Learning rate and share of own predictions are functions of progress. A resumed
    run repeats an uninterrupted one bit for bit on a CPU with epochs and steps; with minutes it cannot, for no two
    stretches of time hold the same number of steps.

    Attributes:
        batch_size: streams side by side, in all processes together.
        k1: positions between two optimizer steps.
        k2: positions the gradient goes back; None is k1.
        feeding: what is fed as the previous unit: the true one (teacher), or the model's own argmax (greedy) or
            draw (sampled).
        sampling_probability_start: share of positions fed with the model's own prediction as training begins ...
        sampling_probability_end: ... and as it ends; linear in between. For greedy and sampled only.
        learning_rate: the largest, reached after the warm-up.
        final_learning_rate: where the cosine ends, as a share of ``learning_rate``.
        warmup_steps: steps over which the learning rate rises linearly.
        beta1: AdamW's decay of the gradient's mean.
        beta2: AdamW's decay of the gradient's square.
        weight_decay: decoupled decay of matrices; biases and per-unit vectors are left alone.
        clip: largest norm of the gradient; None never clips.
        epochs: budget in passes over the training part. 10 if no budget is given.
        steps: budget in optimizer steps.
        minutes: budget in minutes on the clock, validation included.
        validate_every: steps between validations, each with a sample and a checkpoint; None: once an epoch.
        validation_tokens: validate on the first so many units only; None on the whole part.
        patience: stop after so many validations in a row without a new best; None never does.
        report_every: steps between two lines of metrics.
        checkpoint_every: steps between further checkpoints; None makes them at validations only.
        seed: all randomness is a function of it and the step.
        device: "auto" takes an accelerator if there is one.
        mixed_precision: "no", "fp16" or "bf16".
        backend: the engine's backend; None leaves it to the engine.

    Raises:
        ArgumentError: a value is out of range.
    """

    batch_size: int = 32
    k1: int = 100
    k2: int | None = None
    feeding: Feeding = "teacher"
    sampling_probability_start: float = field(default=1.0, metadata=stored_as("own_share_start"))
    sampling_probability_end: float = field(default=1.0, metadata=stored_as("own_share_end"))
    learning_rate: float = 3e-3
    final_learning_rate: float = 0.05
    warmup_steps: int = 100
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.01
    clip: float | None = 1.0
    epochs: int | None = None
    steps: int | None = None
    minutes: float | None = None
    validate_every: int | None = 250
    validation_tokens: int | None = field(default=None, metadata=stored_as("validation_units"))
    patience: int | None = None
    report_every: int = 10
    checkpoint_every: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu"] = "auto"
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    backend: str | None = None

    def __post_init__(self) -> None:
        if self.epochs is None and self.steps is None and self.minutes is None:
            object.__setattr__(self, "epochs", DEFAULT_EPOCHS)
        for name in ("batch_size", "k1", "k2", "validate_every", "report_every", "patience", "checkpoint_every"):
            self._check(name, "at least 1", lambda value: value >= 1)
        for name in ("epochs", "steps"):
            self._check(name, "at least 1", lambda value: value >= 1)
        self._check("validation_tokens", "at least 2 (a unit and its successor)", lambda value: value >= 2)
        for name in ("learning_rate", "clip", "minutes"):
            self._check(name, "above 0 and finite", lambda value: 0 < value < float("inf"))
        for name in ("sampling_probability_start", "sampling_probability_end", "final_learning_rate"):
            self._check(name, "from 0 to 1", lambda value: 0 <= value <= 1)
        for name in ("beta1", "beta2"):
            self._check(name, "at least 0 and below 1", lambda value: 0 <= value < 1)
        self._check("weight_decay", "at least 0 and finite", lambda value: 0 <= value < float("inf"))
        self._check("warmup_steps", "at least 0", lambda value: value >= 0)
        self._check("seed", "from 0 to 2**63 - 1", lambda value: 0 <= value < 2**63)
        for name, choices in (
            ("feeding", ("teacher", "greedy", "sampled")),
            ("device", ("auto", "cpu")),
            ("mixed_precision", ("no", "fp16", "bf16")),
        ):
            self._check(name, f"one of {', '.join(choices)}", lambda value, choices=choices: value in choices)
        if self.feeding == "teacher" and (self.sampling_probability_start, self.sampling_probability_end) != (1.0, 1.0):
            raise ArgumentError(
                f"sampling_probability_start and sampling_probability_end are {self.sampling_probability_start} and {self.sampling_probability_end}, but the "
                "teacher feeds no predictions: choose feeding='greedy' or 'sampled', or leave them out."
            )

    def _check(self, name: str, expected: str, fits: Callable[[Any], bool]) -> None:
        value = getattr(self, name)
        if value is not None and not fits(value):
            raise ArgumentError(f"{name} is {value!r}, but must be {expected}.")
