"""What mattered for one prediction: gradients, integrated gradients and erasure, side by side, because they differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import caption_html, table_html
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import tinted_text, together
from tidegate.lens.predictions.attribution_paths import Baseline, Path, Prediction, numpy_of
from tidegate.lens.record.reading import pieces_of
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel

Erasure = Literal["delete", "baseline"]


@dataclass(frozen=True)
class Attribution:
    """How much each of the W units before a prediction mattered for it, by several measures.

    Positive: the unit made the target likelier. All but ``gradient`` are in nats.

    Attributes:
        at: which unit of the text was predicted.
        start: the first unit of the window; the W units are ``start`` to ``at - 1``.
        ids: (W,) the units.
        pieces: the W stretches of text that they stand for.
        target: the unit whose probability this is about.
        log_p: log p(target | everything before it).
        baseline_log_p: the same with the baseline's vector in place of every input of the window.
        gradient: (W,) |d log p / d x_n|, the length of the gradient by each input vector.
        gradient_input: (W,) x_n · d log p / d x_n.
        integrated: (W,) integrated gradients; their sum is log_p - baseline_log_p but for ``residual``.
        erased: (W,) log p less log p without that unit.
        baseline: which vector stands for "no unit": "zero" or "mean".
        erasure: what "without" means: "delete" or "baseline".
        steps: at how many places of the path the gradient was taken for ``integrated``.
        residual: sum of ``integrated`` less (log_p - baseline_log_p).
        complete: whether completeness holds to 1%, on every part of the path taken together.
        unknown: characters that are not in the vocabulary and were replaced or dropped, each with its number.
    """

    at: int
    start: int
    ids: NDArray[np.int64]
    pieces: tuple[str, ...]
    target: int
    log_p: float
    baseline_log_p: float
    gradient: NDArray[np.float64]
    gradient_input: NDArray[np.float64]
    integrated: NDArray[np.float64]
    erased: NDArray[np.float64]
    baseline: Baseline
    erasure: Erasure
    steps: int
    residual: float
    complete: bool
    unknown: Counter[str]

    @property
    def completeness(self) -> float:
        """What integrated gradients sum to, as a fraction of what they should: 1 if complete, nan if that is 0."""
        whole = self.log_p - self.baseline_log_p
        return float(self.integrated.sum() / whole) if whole else float("nan")

    def rank_correlations(self) -> dict[tuple[str, str], float]:
        """Spearman's rank correlation of each two measures over the window.

        The length of the gradient has no sign: it is compared with the sizes of the others, which among themselves are
        compared with their signs. nan where a measure is the same for all units.
        """
        names = ("gradient", "gradient_input", "integrated", "erased")
        values: dict[str, NDArray[np.float64]] = {name: getattr(self, name) for name in names}
        return {
            (a, b): _spearman(*((np.abs(values[a]), np.abs(values[b])) if a == "gradient" else (values[a], values[b])))
            for a, b in combinations(names, 2)
        }

    def __str__(self) -> str:
        holds = "complete" if self.complete else "not complete to 1%"
        return (
            f"log p of unit {self.target} at {self.at}: {self.log_p:.3f} nats, {self.baseline_log_p:.3f} with the "
            f"{self.baseline} baseline in place of the {len(self.ids)} units before it; integrated gradients sum to "
            f"{self.completeness:.4f} of the difference ({holds})"
        )

    def _repr_html_(self) -> str:
        """A notebook's view: the window by the three measures that are in nats, and how far the measures agree."""
        measures = {
            "Gradient · input": self.gradient_input,
            "Integrated gradients": self.integrated,
            f"Erasure ({self.erasure})": self.erased,
        }
        texts = [tinted_text(self.pieces, values, name, "nats") for name, values in measures.items()]
        rows = [
            [*(name.replace("_", " · ") for name in pair), value] for pair, value in self.rank_correlations().items()
        ]
        agreement = table_html(rows, ("measure", "and", "rank correlation"))
        return together(caption_html(str(self)), *texts, agreement)


def what_mattered(
    model: LanguageModel,
    tokenizer: Tokenizer,
    text: str,
    at: int,
    *,
    target: int | str | None = None,
    window: int = 200,
    steps: int = 64,
    limit: int = 4096,
    baseline: Baseline = "zero",
    erasure: Erasure = "delete",
) -> Attribution:
    """Ask which of the units before a place mattered for the probability of the unit there.

    x_n is the input vector of unit n (its embedding, or one-hot), F = log p(target | ...) as a function of all of the
    window's inputs, x' the baseline. The state before the window is carried and is not attributed to.

    - gradient: |dF/dx_n| says how fast log p changes, not how much of it is due to the unit; gradient · input is the
      first term of the answer.
    - integrated gradients (Sundararajan, Taly & Yan 2017): ``(x_n - x'_n) · ∫ dF/dx_n (x' + a (x - x')) da`` for a from
      0 to 1, all positions moving together. Their sum is F(x) - F(x') (completeness). The path is cut into parts, with
      a Gauss-Legendre rule of 8 nodes on each. What each part must give is known, F at its end less F at its
      beginning, so the parts that miss it are halved until all misses together are below 1% of F(x) - F(x') or
      ``limit`` is reached, which is then said.
    - erasure: the drop of log p when that one unit is taken away, as measured: one run of all variants side by side.

    Args:
        model: the model; in eval mode meanwhile.
        tokenizer: its vocabulary.
        text: what is read, from the beginning as in `tidegate.lens.read`.
        at: which unit is predicted, 1 to N; N is what comes after the text, and needs a target.
        target: the unit that is asked about, as a number or as its text; None is the one that stands there.
        window: how many units before ``at`` are looked at.
        steps: at how many places of the path gradients are taken to begin with, in parts of 8.
        limit: how many gradients may be taken in all.
        baseline: the vector for "no unit": "zero", or "mean", the mean of all units' vectors.
        erasure: "delete" leaves the unit out, so that what is read is a text that could have been read, one unit
            shorter; "baseline" puts the baseline's vector in its place, which keeps all distances, but is a vector that
            the model has never seen.

    Returns:
        The measures, side by side.

    Raises:
        ArgumentError: there is no such place, target or choice, or nothing stands before the place.
        UnknownTokenError: the text has characters the vocabulary has not, and the policy is to refuse them.
    """
    unknown: Counter[str] = Counter()
    ids = tokenizer.encode(text, unknown)
    if baseline not in get_args(Baseline) or erasure not in get_args(Erasure):
        raise ArgumentError(f"baseline={baseline!r}, erasure={erasure!r}: zero or mean, and delete or baseline")
    if min(window, steps, limit) < 1:
        raise ArgumentError(f"window={window}, steps={steps}, limit={limit}: each must be at least 1")
    if not 1 <= at <= len(ids):
        raise ArgumentError(f"at={at}: {len(ids)} units are read, so give 1 to {len(ids)}; nothing stands before 0")
    goal = _target(tokenizer, ids, at, target)
    start = max(0, at - window)
    with evaluating(model):
        function = Prediction(model, np.concatenate([start_ids(tokenizer), ids[:start]]), goal)
        inputs = function.inputs(ids[start:at])
        absent = function.absent(baseline)
        value, gradient = function.gradients(inputs[:, None])
        path = Path(function, absent.expand_as(inputs), inputs)
        integrated, used, complete = path.integrate(steps, limit)
        erased = function.erased(inputs, None if erasure == "delete" else absent)
    slope = gradient[:, 0]
    log_p, nothing = float(value[0]), path.first
    return Attribution(
        at=at,
        start=start,
        ids=ids[start:at],
        pieces=pieces_of(tokenizer, ids)[start:at],
        target=goal,
        log_p=log_p,
        baseline_log_p=nothing,
        gradient=numpy_of(slope.norm(dim=-1)),
        gradient_input=numpy_of((slope * inputs).sum(-1)),
        integrated=integrated,
        erased=log_p - numpy_of(erased),
        baseline=baseline,
        erasure=erasure,
        steps=used,
        residual=float(integrated.sum()) - (log_p - nothing),
        complete=complete,
        unknown=unknown,
    )


def _target(tokenizer: Tokenizer, ids: NDArray[np.int64], at: int, target: int | str | None) -> int:
    if target is None:
        if at == len(ids):
            raise ArgumentError(f"nothing stands at {at}, the end of the text: say which unit is meant (target)")
        return int(ids[at])
    if isinstance(target, str):
        found = tokenizer.encode(target)
        if len(found) != 1:
            raise ArgumentError(f"target={target!r} is {len(found)} units, but should be one {tokenizer.name}")
        return int(found[0])
    if not 0 <= target < tokenizer.vocabulary_size:
        raise ArgumentError(
            f"target={target}: there are {tokenizer.vocabulary_size} units, 0 to {tokenizer.vocabulary_size - 1}"
        )
    return int(target)


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    ranks = [_ranks(it) - (len(it) - 1) / 2 for it in (a, b)]
    size = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    return float(ranks[0] @ ranks[1]) / size if size else float("nan")


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0; equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[which]
