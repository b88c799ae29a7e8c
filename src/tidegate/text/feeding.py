"""The input of each step in training: teacher forcing, free running or scheduled sampling.

``teacher``: each step is fed the true previous token, whatever the model would have predicted. All inputs are known
beforehand, so a stretch is one fused run.

``greedy`` and ``sampled``: a step may be fed the model's own previous prediction instead, its most probable token or a
draw from its softmax. Each position of each stream takes its own prediction with probability ``sampling_probability``,
else the true token (scheduled sampling, Bengio et al. 2015; with probability 1 the model runs free). The next input
depends on the last output, so the run goes token by token; with probability 0 it is the fused run again.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from tidegate.text.model import LanguageModel, State
from tidegate.train.config import Feeding

NO_PREDICTION = -1  # where a stream begins, or after a stretch with teacher forcing


class FedStretch(NamedTuple):
    """The outcome of a run over a stretch of text.

    Attributes:
        features: what the output layer is given, (T, B, H), time-major.
        logits: (T, B, V), where they were needed to go on.
        state: the state after it.
        own: (B,) int64, the model's prediction of the token after it, or NO_PREDICTION.
        penalty: what is added to the loss, see `LanguageModel.penalty`.
    """

    features: Tensor
    logits: Tensor | None
    state: State
    own: Tensor
    penalty: Tensor | None


def feed(
    model: LanguageModel,
    ids: Tensor,
    state: State,
    own: Tensor,
    *,
    feeding: Feeding,
    sampling_probability: float,
) -> FedStretch:
    """Run a model over a stretch of text.

    Args:
        model: the model.
        ids: the true token ids, shape (B, T).
        state: the state before it.
        own: (B,), the model's prediction of the first of these tokens, or NO_PREDICTION.
        feeding: teacher, greedy or sampled.
        sampling_probability: probability of feeding the model's own prediction, 0 to 1. Draws come from torch's global
            generator.

    Returns:
        Features, state and the next prediction.
    """
    if feeding == "teacher" or sampling_probability == 0:
        output, state = model.hidden(ids, state)
        features = model.drop_output(output)
        own = torch.full_like(own, NO_PREDICTION)
        return FedStretch(features, None, state, own, model.penalty(output, features))
    outputs: list[Tensor] = []
    steps: list[Tensor] = []
    scores: list[Tensor] = []
    for true in ids.unbind(1):
        takes_own = (torch.rand(own.shape, device=own.device) < sampling_probability) & (own != NO_PREDICTION)
        output, state = model.hidden(torch.where(takes_own, own, true).unsqueeze(1), state)
        step = model.drop_output(output)[0]
        score = model.output(step)
        own = predict(score.detach(), feeding)
        outputs.append(output[0])
        steps.append(step)
        scores.append(score)
    features = torch.stack(steps)
    return FedStretch(features, torch.stack(scores), state, own, model.penalty(torch.stack(outputs), features))


def predict(scores: Tensor, feeding: Literal["greedy", "sampled"]) -> Tensor:
    """Predict tokens from logits: (B, V) to (B,)."""
    if feeding == "greedy":
        return scores.argmax(-1)
    return torch.multinomial(torch.softmax(scores.float(), -1), 1).squeeze(1)
