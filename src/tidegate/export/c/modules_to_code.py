"""Which modules can be written in C, as the parts of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from torch import nn

from tidegate.cells import Noise
from tidegate.engine import Weights
from tidegate.errors import ArgumentError
from tidegate.export.c.model_code import ModelCode
from tidegate.nn import GRU, LSTM, RNN, Recurrent
from tidegate.nn.evaluating import evaluating
from tidegate.text import LanguageModel

ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
LEFT_OUT = (nn.Dropout, nn.Identity)  # which do nothing in evaluation
DROP_INS: dict[type[nn.Module], Callable[..., Any]] = {nn.LSTM: LSTM, nn.GRU: GRU, nn.RNN: RNN}


def model_code(model: nn.Module, name: str, lanes: int) -> ModelCode:
    """Return the code of a model.

    Args:
        model: a module, or an ``nn.Sequential`` of such: see `tidegate.export.c`.
        name: the prefix of functions and types.
        lanes: numbers that are computed together.

    Raises:
        ArgumentError: something in it cannot be written in C; the message says what and where.
    """
    parts = [*_parts(model, "")]
    if not parts:
        raise ArgumentError(f"{type(model).__name__} has nothing in it that computes.")
    code = ModelCode(name, lanes)
    for place, part in parts:
        _add(code, part, place)
    return code


def _parts(module: nn.Module, place: str) -> Iterator[tuple[str, nn.Module]]:
    """Iterate over the modules that run one after another, with their places."""
    if type(module) is nn.Sequential:
        for key, own in module.named_children():
            yield from _parts(own, f"{place}.{key}".lstrip("."))
    elif isinstance(module, LanguageModel):
        for key in ("embedding", "recurrent", "output"):
            if (own := getattr(module, key)) is not None:
                yield key, own
    elif not isinstance(module, LEFT_OUT):
        yield place, module


def _add(code: ModelCode, module: nn.Module, place: str) -> None:
    first = not code.functions and not code.calls
    if type(module) in DROP_INS:
        module = _as_ours(module)
    match module:
        case nn.Embedding():
            if not first:
                raise _refused(module, place, "an embedding has to come first: only a model's input are tokens")
            code.tokens = module.num_embeddings
            code.embedding(module.weight)
        case LSTM() | GRU() | RNN() | Recurrent():
            _begin(code, first, module.input_size, one_hot=place == "recurrent")
            if module.bidirectional:
                raise _refused(module, place, "it reads its input backwards too, so it has no single step")
            if module.initial_state(1) is not None:
                raise _refused(module, place, "it begins with a learned state; only zeros can be written")
            with evaluating(module):
                module.refresh_weights()
                for layer in range(module.num_layers):
                    _layer(code, module.layer_cell(layer), module.layer_weights(layer, 0), module, place)
        case nn.Linear():
            _begin(code, first, module.in_features)
            code.linear(module.weight, module.bias)
        case _ if type(module) in ACTIVATIONS and not first:
            code.pointwise(ACTIVATIONS[type(module)])
        case _:
            kinds = "Embedding, LSTM, GRU, RNN, Recurrent, Linear, ReLU, Tanh, Sigmoid, Dropout and Sequential"
            raise _refused(module, place, f"what can be: {kinds}; to begin with, one that knows the size of its input")


def _begin(code: ModelCode, first: bool, inputs: int, *, one_hot: bool = False) -> None:
    """Set the model's input, if this part is the first. Without an embedding a language model's tokens are one-hot."""
    if first:
        code.width = inputs
        if one_hot:
            code.tokens = inputs
        else:
            code.inputs = inputs


def _layer(code: ModelCode, cell: Any, weights: Weights, module: nn.Module, place: str) -> None:
    # Noise has its expectation, and bounds of single hidden units do not change; other masks are a caller's to give.
    fixed = {name for name, fill in cell.mask_defaults.items() if isinstance(fill, Noise) or fill.units}
    if given := [name for name in cell.masks if name not in fixed]:
        raise _refused(module, place, f"its cell {cell.name} is given {', '.join(given)} at every step")
    code.layer(cell, weights.map(lambda t: t.detach().float().cpu()))


def _as_ours(module: nn.Module) -> nn.Module:
    """Return the layer of Tidegate that stands in for one of torch.nn, with the same weights."""
    given = cast(nn.RNNBase, module)
    own = {"nonlinearity": given.nonlinearity} if isinstance(given, nn.RNN) else {}
    made = DROP_INS[type(given)](
        given.input_size, given.hidden_size, given.num_layers, given.bias, given.batch_first,
        bidirectional=given.bidirectional, **({"proj_size": given.proj_size} if given.proj_size else {}), **own,
    )  # fmt: skip
    made.load_state_dict({name: value.float() for name, value in given.state_dict().items()})
    return made


def _refused(module: nn.Module, place: str, why: str) -> ArgumentError:
    at = f" at {place!r}" if place else ""
    return ArgumentError(f"{type(module).__name__}{at} cannot be written in C: {why}.")
