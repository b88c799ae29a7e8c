"""Training settings, as plain data."""

from dataclasses import dataclass
from typing import Literal

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.train.options import check, fill, option

DEFAULT_EPOCHS = 10
BUDGET = ("epochs", "steps", "minutes")
SAMPLING = ("feeding", "sampling_probability_start", "sampling_probability_end")
TASK_SETTINGS = ("k1", "k2", "random_windows", *SAMPLING, "validation_tokens")
"""Settings that only some tasks use: `Task.extra_settings` names them."""

ADAMW = ("optimizer", ("adamw",))

Feeding = Literal["teacher", "greedy", "sampled"]
"""The input of a step: the true previous token (teacher forcing), or the model's prediction, its argmax or a draw."""


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    The budget is any of ``epochs``, ``steps`` and ``minutes``; progress is the largest fraction of any of them that is
    used up, and training ends at 1. Learning rate and sampling probability are functions of progress. A resumed run
    repeats an uninterrupted one bit for bit on a CPU with epochs and steps. With minutes it cannot: how many steps fit
    in a minute varies.

    Attributes:
        batch_size: streams or examples side by side, in all processes together.
        k1: positions between two optimizer steps.
        k2: positions the gradient goes back. Default: k1.
        random_windows: draw the number of positions between two steps around k1, with the learning rate in proportion,
            so that each epoch cuts the text at other places (Merity et al. 2018).
        feeding: the input of each step: the true previous token (teacher), or the model's own argmax (greedy) or
            draw (sampled).
        sampling_probability_start: probability that a step is fed the model's own prediction as training begins ...
        sampling_probability_end: ... and as it ends; linear in between. For greedy and sampled only.
        optimizer: "adamw" (Loshchilov & Hutter 2019) or "sgd", without momentum.
        learning_rate: the peak, reached after the warm-up. Default: 3e-3 for AdamW, 1 for SGD.
        schedule: how the learning rate changes: "cosine", over the whole budget; "constant"; "step", divided by
            `decay_factor` at each epoch from `decay_after` on (Zaremba et al. 2014); "plateau", divided by it at each
            validation that is not the best yet.
        final_learning_rate: where the cosine ends, as a fraction of `learning_rate`.
        decay_factor: what step and plateau divide the learning rate by.
        decay_after: epochs of constant learning rate before those of step.
        warmup_steps: steps over which the learning rate rises linearly.
        beta1: AdamW's decay of the gradient's mean.
        beta2: AdamW's decay of the gradient's square.
        weight_decay: decoupled decay of matrices; biases and vectors are not decayed. Default: 0.01 for AdamW, 0 for
            SGD.
        clip: maximal norm of the gradient; None: no clipping.
        average_after: from the first validation on that is worse than the best of those more than N before it,
            validate, keep and sample the mean of the parameters of all steps since (averaged SGD with the non-monotonic
            trigger, Merity et al. 2018: N is 5 there). None: never.
        epochs: budget in passes over the training part. Default if there is no budget: 10.
        steps: budget in optimizer steps.
        minutes: budget in minutes, validation included.
        validate_every: steps between validations, each with a sample and a checkpoint. None: once an epoch.
        validation_tokens: validate on the first N tokens only. None: on the whole part.
        patience: stop after N validations in a row without improvement. None: never.
        report_every: steps between two lines of metrics.
        checkpoint_every: steps between further checkpoints. None: at validations only.
        seed: all randomness is a function of it and the step.
        device: "auto" takes an accelerator if there is one.
        mixed_precision: "no", "fp16" or "bf16".
        backend: the engine's backend. Default: the engine's choice.

    Raises:
        ArgumentError: a value is out of range.
    """

    batch_size: int = option(32, "Streams of text, or examples, in all processes.", panel="Training", min=1)
    k1: int = option(100, "An optimizer step every k1 tokens, or steps of a series.", panel="Training", min=1)
    k2: int | None = option(
        None, "Gradients go back k2 tokens or steps.", panel="Training", unset="k1", min=1, advanced=True
    )
    random_windows: bool = option(
        False,
        "Draw the length of each window around k1; the learning rate is in proportion.",
        panel="Training",
        absent=False,
        advanced=True,
    )
    feeding: Feeding = option(
        "teacher",
        "Input of each step: the true previous token (teacher forcing), the model's best guess, or a draw from it.",
        panel="Training",
        advanced=True,
    )
    sampling_probability_start: float = option(
        1.0,
        "Probability of feeding the model's own prediction at the start ...",
        panel="Training",
        key="own_share_start",
        min=0,
        max=1,
        advanced=True,
    )
    sampling_probability_end: float = option(
        1.0, "... and at the end.", panel="Training", key="own_share_end", min=0, max=1, advanced=True
    )
    optimizer: Literal["adamw", "sgd"] = option(
        "adamw", "The optimizer.", panel="Training", absent="adamw", advanced=True
    )
    learning_rate: float = option(
        None, "Peak learning rate.", panel="Training", by=("optimizer", {"adamw": 3e-3, "sgd": 1.0}), above=0
    )
    schedule: Literal["cosine", "constant", "step", "plateau"] = option(
        "cosine",
        "How the learning rate changes: a cosine over the budget, not at all, divided at each epoch, or at each "
        "validation that is not the best yet.",
        panel="Training",
        absent="cosine",
        advanced=True,
    )
    final_learning_rate: float = option(
        0.05,
        "Where the cosine ends, as a fraction of the peak.",
        panel="Training",
        only=("schedule", ("cosine",)),
        min=0,
        max=1,
        advanced=True,
    )
    decay_factor: float = option(
        4.0,
        "What the schedules step and plateau divide the learning rate by.",
        panel="Training",
        absent=4.0,
        only=("schedule", ("step", "plateau")),
        above=1,
        advanced=True,
    )
    decay_after: int = option(
        6,
        "Epochs before the schedule step begins to divide.",
        panel="Training",
        absent=6,
        only=("schedule", ("step",)),
        min=0,
        advanced=True,
    )
    warmup_steps: int = option(100, "Steps of linear warm-up.", panel="Training", min=0, advanced=True)
    beta1: float = option(
        0.9, "AdamW's decay of the gradient's mean.", panel="Training", only=ADAMW, min=0, below=1, advanced=True
    )
    beta2: float = option(
        0.99, "AdamW's decay of the gradient's square.", panel="Training", only=ADAMW, min=0, below=1, advanced=True
    )
    weight_decay: float = option(
        None,
        "Weight decay of matrices.",
        panel="Training",
        by=("optimizer", {"adamw": 0.01, "sgd": 0.0}),
        min=0,
        advanced=True,
    )
    clip: float | None = option(
        1.0, "Maximal gradient norm; 0: no clipping.", panel="Training", off=0.0, above=0, advanced=True
    )
    average_after: int | None = option(
        None,
        "Average the parameters from the first validation on that is worse than those more than N before it.",
        panel="Training",
        absent=None,
        min=1,
        advanced=True,
    )
    epochs: int | None = option(None, "Passes over the training part.", panel="Budget", min=1)
    steps: int | None = option(None, "Optimizer steps.", panel="Budget", min=1)
    minutes: float | None = option(None, "Minutes of training.", panel="Budget", above=0)
    validate_every: int | None = option(
        250, "Steps between validations; 0: once an epoch.", panel="Budget", unset="once an epoch", off=0, min=1
    )
    validation_tokens: int | None = option(
        None, "Validate on the first N tokens only.", panel="Budget", key="validation_units", min=2, advanced=True
    )
    patience: int | None = option(None, "Stop after N validations in a row without improvement.", panel="Budget", min=1)
    report_every: int = option(10, "Steps between reports.", panel="Output", min=1, advanced=True)
    checkpoint_every: int | None = option(
        None, "Steps between checkpoints.", panel="Output", unset="at validations only", min=1, advanced=True
    )
    seed: int = option(0, "Random seed: the same seed gives the same run.", panel="Training")
    device: Literal["auto", "cpu"] = option("auto", "Where to train.", panel="Training")
    mixed_precision: Literal["no", "fp16", "bf16"] = option(
        "no", "Mixed precision; on a CPU bf16 only.", panel="Training", advanced=True
    )
    backend: str | None = option(
        None, "The engine's backend.", panel="Training", unset="the engine's choice", advanced=True
    )

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if self.epochs is None and self.steps is None and self.minutes is None:
            object.__setattr__(self, "epochs", DEFAULT_EPOCHS)
        fill(self)
        check(self)
        if not 0 <= self.seed < 2**63:  # a limit no help text should spell out
            raise ArgumentError(f"seed is {self.seed}, but must be from 0 to 2**63 - 1.")
        if self.feeding == "teacher" and (self.sampling_probability_start, self.sampling_probability_end) != (1.0, 1.0):
            raise ArgumentError(
                f"sampling_probability_start and sampling_probability_end are {self.sampling_probability_start} and "
                f"{self.sampling_probability_end}, but teacher forcing feeds no predictions: choose feeding='greedy' "
                "or 'sampled', or leave them out."
            )
