"""Attribution of one prediction to the tokens before it: gradients, integrated gradients and erasure, side by side."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import caption_html, table_html
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.association import midranks
from tidegate.lens.notebook import together
from tidegate.lens.predictions.attribution_paths import Baseline, Path, Prediction, numpy_of
from tidegate.lens.predictions.three_measures import ThreeMeasures
from tidegate.lens.progress import report_progress
from tidegate.lens.record.reading import pieces_of
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel

Erasure = Literal["delete", "baseline"]


@dataclass(frozen=True)
class Attribution(ThreeMeasures):
    """How much each of the W tokens before a prediction mattered for it, by several measures.

    A positive value means that the token made the target likelier. All but ``gradient`` are in nats.

    Attributes:
        at: position of the predicted token in the text.
        start: position of the first token of the window; the W tokens are ``start`` to ``at - 1``.
        ids: (W,) the tokens.
        pieces: the W tokens' texts.
        target: the token whose probability is attributed.
        log_p: log p(target | everything before it).
        baseline_log_p: the same with the baseline's vector in place of every input of the window.
        gradient: (W,) |d log p / d x_n|, the length of the gradient by each input vector.
        gradient_input: (W,) x_n · d log p / d x_n.
        integrated: (W,) integrated gradients; their sum is log_p - baseline_log_p + ``residual``.
        erased: (W,) log p less log p without that token.
        baseline: the baseline's vector: "zero" or "mean".
        erasure: how a token is left out: "delete" or "baseline".
        steps: number of points of the path at which the gradient was computed for ``integrated``.
        residual: sum of ``integrated`` less (log_p - baseline_log_p).
        complete: whether completeness holds to 1%, summed over the parts of the path.
        unknown: characters that are not in the vocabulary and were replaced or dropped, with their counts.
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
    def whole(self) -> float:
        """log_p - baseline_log_p."""
        return self.log_p - self.baseline_log_p

    def rank_correlations(self) -> dict[tuple[str, str], float]:
        """Return Spearman's rank correlation of each two measures over the window.

        ``gradient`` has no sign: it is compared with the absolute values of the others, which are compared with one
        another as they are. nan if a measure is constant.
        """
        names = ("gradient", "gradient_input", "integrated", "erased")
        values: dict[str, NDArray[np.float64]] = {name: getattr(self, name) for name in names}
        return {
            (a, b): _spearman(*((np.abs(values[a]), np.abs(values[b])) if a == "gradient" else (values[a], values[b])))
            for a, b in combinations(names, 2)
        }

    def __str__(self) -> str:
        return (
            f"log p of token {self.target} at {self.at}: {self.log_p:.3f} nats, {self.baseline_log_p:.3f} with the "
            f"{self.baseline} baseline in place of the {len(self.ids)} tokens before it; "
            f"{self.said_of_completeness()}"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the window by the three measures in nats, and the correlations of the measures."""
        texts = self.tinted(self.pieces, "nats", f"Erasure ({self.erasure})")
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
    """Attribute the probability of a token to the tokens before it.

    x_n is the input vector of token n (its embedding, or one-hot), F = log p(target | ...) as a function of all of the
    window's inputs, x' the baseline. Nothing is attributed to the state before the window.

    - gradient: |dF/dx_n| is how fast log p changes, not how much of it is due to the token; gradient · input is the
      first-order term of that.
    - integrated gradients (Sundararajan, Taly & Yan 2017): ``(x_n - x'_n) · ∫ dF/dx_n (x' + a (x - x')) da`` for a from
      0 to 1, all positions moving together. Their sum is F(x) - F(x') (completeness). The path is cut into parts, with
      a Gauss-Legendre rule of 8 nodes on each. The integral over each part is known, F at its end less F at
      its beginning, so parts with errors are halved until the errors sum to less than 1% of F(x) - F(x'), or ``limit``
      is reached (then ``complete`` is False).
    - erasure: the measured drop of log p without that one token: one run of all variants side by side.

    Args:
        model: the model; in eval mode meanwhile.
        tokenizer: its tokenizer.
        text: the text, read from the beginning as in `tidegate.lens.read`.
        at: position of the predicted token, 1 to N; N is the one after the text, which needs a target.
        target: the token whose probability is attributed, as a number or as its text. Default: the one in the text.
        window: number of tokens before ``at`` that are considered.
        steps: number of points of the path at which gradients are computed at first, in parts of 8.
        limit: maximal number of gradients.
        baseline: the input vector for "no token": "zero", or "mean", the mean of all tokens' vectors.
        erasure: "delete" leaves the token out, which gives a possible text, one token shorter; "baseline" replaces its
            vector by the baseline's, which keeps all distances, but is a vector that the model has never seen.

    Returns:
        The measures, side by side.

    Raises:
        ArgumentError: there is no such position, target, baseline or erasure, or no token before the position.
        UnknownTokenError: a character is not in the vocabulary, and the policy is to raise.
    """
    unknown: Counter[str] = Counter()
    ids = tokenizer.encode(text, unknown)
    if baseline not in get_args(Baseline) or erasure not in get_args(Erasure):
        raise ArgumentError(f"baseline={baseline!r}, erasure={erasure!r}: give zero or mean, and delete or baseline.")
    if min(window, steps, limit) < 1:
        raise ArgumentError(f"window={window}, steps={steps}, limit={limit}: each must be at least 1.")
    if not 1 <= at <= len(ids):
        raise ArgumentError(
            f"at={at}: the text has {len(ids)} tokens, so give 1 to {len(ids)}; there is no token before 0."
        )
    goal = _target(tokenizer, ids, at, target)
    start = max(0, at - window)
    with evaluating(model):
        function = Prediction(model, np.concatenate([start_ids(tokenizer), ids[:start]]), goal)
        inputs = function.inputs(ids[start:at])
        absent = function.absent(baseline)
        value, gradient = function.gradients(inputs[:, None])
        path = Path(function, absent.expand_as(inputs), inputs)
        report_progress("Integrating gradients", 0.1)
        integrated, used, complete = path.integrate(steps, limit)
        report_progress("Erasing each token", 0.8)
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
            raise ArgumentError(f"at={at} is the end of the text: give the token whose probability is meant (target).")
        return int(ids[at])
    if isinstance(target, str):
        found = tokenizer.encode(target)
        if len(found) != 1:
            raise ArgumentError(f"target={target!r} is {len(found)} tokens, but should be one {tokenizer.name}.")
        return int(found[0])
    if not 0 <= target < tokenizer.vocabulary_size:
        raise ArgumentError(
            f"target={target}: there are {tokenizer.vocabulary_size} tokens, 0 to {tokenizer.vocabulary_size - 1}."
        )
    return int(target)


def _spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    ranks = midranks(np.stack([a, b])) - (len(a) + 1) / 2
    size = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    return float(ranks[0] @ ranks[1]) / size if size else float("nan")
