"""Gradient times input of all predictions in a stretch of text: the quickest measure of what mattered."""

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.errors import ArgumentError
from tidegate.lens.predictions.attribution_paths import ROOM, Prediction, numpy_of
from tidegate.lens.progress import pass_on
from tidegate.nn.evaluating import evaluating
from tidegate.text import Tokenizer
from tidegate.text.generation import start_ids
from tidegate.text.model import LanguageModel


def gradient_inputs(
    model: LanguageModel,
    tokenizer: Tokenizer,
    ids: NDArray[np.int64],
    start: int,
    stop: int,
    *,
    window: int = 200,
) -> NDArray[np.float64]:
    """Attribute the probability of each token of a stretch to the tokens before it.

    x_n · d log p_t / d x_n, with x_n the input vector of token n and p_t the probability of token t given all before
    it: the first-order change of log p_t due to token n. It is `what_mattered`'s ``gradient_input``, of all t at once:
    the text is read by as many rows of a batch as there are predictions, and each row has the gradient of its own.

    Args:
        model: the model; in eval mode meanwhile.
        tokenizer: its tokenizer.
        ids: the tokens of the text, read from the beginning.
        start: the first prediction, 0 or more.
        stop: the one after the last.
        window: number of tokens before each prediction that are considered.

    Returns:
        (stop - start, window) in nats: in row k, the last column is of the token just before token ``start + k``, the
        one before it of the token before that, and so on; 0 where the text has none.

    Raises:
        ArgumentError: there is no such stretch, or the window is less than 1.
    """
    if not 0 <= start < stop <= len(ids) or window < 1:
        raise ArgumentError(
            f"start={start}, stop={stop}, window={window}: give a stretch of the {len(ids)} tokens and a window of 1 "
            "or more."
        )
    first = max(0, start - window)
    found = np.zeros((stop - start, window))
    with evaluating(model):
        reader = Prediction(model, np.concatenate([start_ids(tokenizer), ids[:first]]), 0)
        if stop - 1 == first:  # the first token of the text: nothing is before it
            return found
        inputs = reader.inputs(ids[first : stop - 1])
        each = max(1, ROOM // inputs.numel())
        for begin in range(start, stop, each):
            pass_on()  # it may be stopped here
            targets = torch.from_numpy(ids[begin : min(begin + each, stop)]).to(reader.device)
            products = numpy_of(_products(reader, inputs, targets, begin - first))
            for row, place in enumerate(range(begin, begin + len(targets))):
                count = min(window, place)
                found[place - start, window - count :] = products[place - first - count : place - first, row]
    return found


def _products(reader: Prediction, inputs: torch.Tensor, targets: torch.Tensor, place: int) -> torch.Tensor:
    """Return x · d log p(target) / dx by step and target: (W, B).

    The first target follows the first ``place`` inputs, each other one input more.
    """
    rows = torch.arange(len(targets), device=inputs.device)
    with torch.enable_grad():
        leaf = inputs[:, None].repeat(1, len(targets), 1).requires_grad_()
        log_p = reader.log_p_after(leaf, rows + place)[rows, targets]
        (slope,) = torch.autograd.grad(log_p.sum(), leaf)
    return (slope * inputs[:, None]).sum(-1)
