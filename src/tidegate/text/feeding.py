"""The three ways of feeding a language model while it learns.

``teacher``: each step is fed the true previous unit, whatever the model would have written. The whole stretch is known
beforehand, so it is one fused run.

``greedy`` and ``sampled``: a step may be fed the model's own previous prediction instead, its most probable unit or a
draw from its softmax. Each position of each stream takes its own prediction with probability ``share``, else the true
unit (scheduled sampling, Bengio et al. 2015). The next input depends on the last output, so the run goes unit by unit;
with share 0 it is the fused run again.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from tidegate.text.model import LanguageModel, State

Feeding = Literal["teacher", "greedy", "sampled"]
NOTHING_YET = -1  # in place of a prediction, where a stream begins or the stretch before was fed by the teacher


class Fed(NamedTuple):
    """A stretch that has been fed.

    Attributes:
        logits: time-major (T, B, V), or None if they were not asked for.
        state: the state after it.
        own: (B,) int64, the model's prediction of the unit after it, or NOTHING_YET.
    """

    logits: Tensor | None
    state: State
    own: Tensor


def feed(
    model: LanguageModel,
    ids: Tensor,
    state: State,
    own: Tensor,
    *,
    feeding: Feeding,
    share: float,
    logits: bool = True,
) -> Fed:
    """Run a model over a stretch of text.

    Args:
        model: the model.
        ids: the true units, shape (B, T).
        state: the state before it.
        own: (B,), the model's prediction of the first of these units, or NOTHING_YET.
        feeding: who says what was written.
        share: probability of the model's own prediction, 0 to 1. Coins and draws come from torch's global generator.
        logits: whether they are needed.

    Returns:
        Logits, state and the next prediction.
    """
    if feeding == "teacher" or share == 0:
        features, state = model.features(ids, state)
        return Fed(model.output(features) if logits else None, state, torch.full_like(own, NOTHING_YET))
    scores: list[Tensor] = []
    for true in ids.unbind(1):
        takes_own = (torch.rand(own.shape, device=own.device) < share) & (own != NOTHING_YET)
        features, state = model.features(torch.where(takes_own, own, true).unsqueeze(1), state)
        score = model.output(features[0])
        own = predict(score.detach(), feeding)
        scores.append(score)
    return Fed(torch.stack(scores) if logits else None, state, own)


def predict(scores: Tensor, feeding: Literal["greedy", "sampled"]) -> Tensor:
    """What a model would write: (B, V) logits to (B,) units."""
    if feeding == "greedy":
        return scores.argmax(-1)
    return torch.multinomial(torch.softmax(scores.float(), -1), 1).squeeze(1)
