"""What 8 bits cost a language model on text that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tidegate.nn.evaluating import evaluating
from tidegate.text import LanguageModel

TOKENS = 20_000  # that are predicted
STREAM = 2000  # tokens that are read from the beginning
LOGITS = 1 << 24  # at once


def held_out_loss(run: Any, logits: Callable[[Tensor], Tensor]) -> str:
    """Compare the loss of a language model with that of another way to compute its logits.

    Args:
        run: a `tidegate.train.Run`.
        logits: returns those of the other way, for tokens (T,).

    Returns:
        The two means in words, or why they cannot be known.
    """
    if not isinstance(run.model, LanguageModel):
        return f"held-out loss: not measured of a run of {run.config.task}"
    if not run.holds_data:
        return f"held-out loss: not measured, {run.folder} holds no text"
    corpus = run.open_data()
    part = next((name for name in ("validation", "test") if len(getattr(corpus, name)) > 1), None)
    if part is None:
        return f"held-out loss: not measured, {run.folder} has no validation part"
    ids = torch.from_numpy(np.array(getattr(corpus, part)[: TOKENS + 1], dtype=np.int64))
    stream = max(2, min(STREAM, LOGITS // run.model.vocabulary_size))
    totals, predicted = np.zeros(2), 0
    with torch.no_grad(), evaluating(run.model):
        for inputs, targets in zip(ids[:-1].split(stream), ids[1:].split(stream), strict=True):
            for n, given in enumerate((run.model(inputs[None])[0][0], logits(inputs))):
                totals[n] += float(torch.nn.functional.cross_entropy(given, targets, reduction="sum"))
            predicted += len(targets)
    before, after = totals / predicted
    unit = run.vocabulary.name
    return (
        f"held-out loss {before:.3f} -> {after:.3f} nats per {unit} ({100 * (after / before - 1):+.2g}%, "
        f"{predicted:,} {unit}s of the {part} part)"
    )
