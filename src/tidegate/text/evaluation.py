"""Cross-entropy of a language model on text it was not trained on."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.errors import CorpusTooSmallError
from tidegate.nn.evaluating import evaluating
from tidegate.text.continuous_cache import Cache, CachedStreams
from tidegate.text.corpus.streams import Streams
from tidegate.text.model import LanguageModel
from tidegate.train.task import Evaluation

WINDOW = 100  # positions run at once: bounds the (B, T, V) logits
LONG_STREAM = (
    2000  # a stream begins without memory; from this length on the missing history changes only the last digit
)


def warm_up_of(prediction_name: str) -> int:
    """Return the `warm_up` for texts of such tokens: 500 words, so that perplexities are those of one stream.

    The figures of other tokens are, as they always were, of streams that begin without a memory.
    """
    return 500 if prediction_name == "word" else 0


def evaluate(
    model: LanguageModel,
    ids: NDArray[np.integer],
    *,
    batch_size: int = 32,
    limit: int | None = None,
    warm_up: int = 0,
    cache: Cache | None = None,
) -> Evaluation:
    """Compute the mean cross-entropy in nats per token: ``-mean log p(u_{t+1} | u_1 .. u_t)``.

    The text is cut into contiguous streams, at most ``batch_size`` and each at least 2,000 tokens long (a shorter text
    is one stream), and the state is carried along each stream.

    Args:
        model: the model; it is in eval mode during the evaluation.
        ids: token ids, shape (N,), any integer type.
        batch_size: streams read side by side, at most.
        limit: read at most N tokens. Default: all.
        warm_up: tokens before a stream that are read first, without being counted. With as many as the model
            remembers, the result is that of one stream, whatever the batch size, and all N - 1 tokens are predicted.
            Default: streams begin without a memory, and up to ``batch_size - 1`` tokens at the end are left out.
        cache: a continuous cache beside the model; warm-ups are longer by its size.

    Returns:
        The mean loss and the number of predictions.

    Raises:
        CorpusTooSmallError: there are fewer than two tokens.
    """
    ids = ids if limit is None else ids[:limit]
    count = max(1, min(batch_size, len(ids) // LONG_STREAM))
    if cache is not None:
        warm_up += cache.size
    windows = _warmed_up(ids, count, warm_up) if warm_up else _from_nothing(ids, count)
    cached = None if cache is None else CachedStreams(model, cache)
    device = next(model.parameters()).device
    state, predictions = model.zero_state(count), 0
    total = torch.zeros((), dtype=torch.float32 if device.type == "mps" else torch.float64, device=device)
    with evaluating(model), torch.inference_mode():
        for window in windows:
            inputs, targets = (torch.from_numpy(it).to(device) for it in (window.inputs, window.targets))
            reset = None if window.reset is None else torch.from_numpy(window.reset).to(device)
            features, state = model.features(inputs, state, reset=reset)
            truth = targets.t()
            counted, known = (torch.from_numpy(it).to(device).t() for it in (window.counted, window.known))
            if cached is not None:
                total += cached.nats(features, truth, known, counted)
            elif window.counted.any():
                total += model.output.nats(features[counted], truth[counted])
            predictions += int(window.counted.sum())
    return Evaluation(total.item() / predictions, predictions)


class _Window(NamedTuple):
    """Positions of all streams, (B, T): which count, where there is text, and where the state is to be zero."""

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    counted: NDArray[np.bool_]
    known: NDArray[np.bool_]
    reset: NDArray[np.bool_] | None


def _from_nothing(ids: NDArray[np.integer], count: int) -> Iterator[_Window]:
    for window in Streams(ids, count, k1=WINDOW, k2=WINDOW):
        all_count = np.ones(window.inputs.shape, bool)
        yield _Window(window.inputs, window.targets, all_count, all_count, None)


def _warmed_up(ids: NDArray[np.integer], count: int, warm_up: int) -> Iterator[_Window]:
    positions = len(ids) - 1
    if positions < 1:
        raise CorpusTooSmallError(f"The text has {len(ids)} tokens, but at least 2 are needed: give more text.")
    length = -(-positions // count)
    warm_up = warm_up if count > 1 else 0
    starts = np.arange(count)[:, None] * length
    for begin in range(-warm_up, length, WINDOW):
        steps = np.arange(begin, min(begin + WINDOW, length))
        places = starts + steps
        counted = (steps >= 0) & (places < positions)
        # Before the text begins there is nothing to read: what stands for it is forgotten where the text begins.
        reset = places == 0
        known = (places >= 0) & (places < positions)
        places = places.clip(0, positions - 1)
        inputs, targets = ids[places].astype(np.int64), ids[places + 1].astype(np.int64)
        yield _Window(inputs, targets, counted, known, reset if reset.any() else None)
