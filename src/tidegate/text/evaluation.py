"""Cross-entropy of a language model on text it was not trained on."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tidegate.nn.evaluating import evaluating
from tidegate.text.corpus.streams import Streams
from tidegate.text.model import LanguageModel
from tidegate.train.task import Evaluation

WINDOW = 100  # positions run at once: bounds the (B, T, V) logits
LONG_STREAM = (
    2000  # a stream begins without memory; from this length on the missing history changes only the last digit
)


def evaluate(
    model: LanguageModel, ids: NDArray[np.integer], *, batch_size: int = 32, limit: int | None = None
) -> Evaluation:
    """Compute the mean cross-entropy in nats per token: ``-mean log p(u_{t+1} | u_1 .. u_t)``.

    The text is cut into contiguous streams, at most ``batch_size`` and each at least 2,000 tokens long (a shorter text
    is one stream), and the state is carried along each stream.

    Args:
        model: the model; it is in eval mode during the evaluation.
        ids: token ids, shape (N,), any integer type.
        batch_size: streams read side by side, at most.
        limit: read at most N tokens. Default: all.

    Returns:
        The mean loss and the number of predictions.

    Raises:
        CorpusTooSmallError: there are fewer than two tokens.
    """
    ids = ids if limit is None else ids[:limit]
    streams = Streams(ids, max(1, min(batch_size, len(ids) // LONG_STREAM)), k1=WINDOW, k2=WINDOW)
    device = model.output.weight.device
    with evaluating(model), torch.inference_mode():
        return _evaluate(model, streams, device)


def _evaluate(model: LanguageModel, streams: Streams, device: torch.device) -> Evaluation:
    state, predictions = model.zero_state(streams.batch_size), 0
    total = torch.zeros((), dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
    for window in streams:
        inputs, targets = (torch.from_numpy(it).to(device) for it in (window.inputs, window.targets))
        features, state = model.features(inputs, state)
        logits = model.output(features).flatten(0, 1)
        total += functional.cross_entropy(logits, targets.t().flatten(), reduction="sum")
        predictions += targets.numel()
    return Evaluation(total.item() / predictions, predictions)
