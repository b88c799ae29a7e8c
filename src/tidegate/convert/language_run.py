"""A run folder from the language model of another program's file: what `tidegate generate` and the page can use."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tidegate.cells import CELLS
from tidegate.convert.built_layers import Direction, recurrent_weights
from tidegate.convert.result import Converted, ConvertedLayer
from tidegate.data.lines import read_lines
from tidegate.errors import ArgumentError, DataError
from tidegate.io.input_files import open_input
from tidegate.io.wording import quoted
from tidegate.nn import Layered
from tidegate.text import CharacterTokenizer, LanguageModel, LanguageModelConfig, WordTokenizer
from tidegate.text.tokenizers.words import UNKNOWN
from tidegate.train.config import TrainConfig
from tidegate.train.run_config import RunConfig, holds_run, write_config
from tidegate.train.run_folder import write_model

if TYPE_CHECKING:
    from tidegate.text.tokenizers.tokenizer import Tokenizer

MOST_BYTES = 1 << 26  # of a file with a vocabulary
PADDING = {"characters": "\0", "words": "<pad>"}  # Keras counts tokens from 1
IS_EMBEDDING, IS_OUTPUT = ("emb", "encoder"), ("decoder", "dense", "output", "head", "linear", "fc")
ELSE = "Without a vocabulary file, and OUT called .safetensors, its recurrent layers alone are written."


def write_language_run(found: Converted, folder: str | Path, vocabulary: str | Path) -> Path:
    """Write the language model of another program's file as a run folder.

    The file must hold an embedding (or none, for one-hot input), recurrent layers that read forward, one after the
    other, and one output layer over the vocabulary, and nothing else.

    Args:
        found: from `tidegate.convert.read`.
        folder: a new folder.
        vocabulary: a file with the tokens in the order of their ids: a line each (UTF-8), a list in JSON, or an object
            in JSON that gives each token's id. Tokens that are one character each make a model of characters, others
            one of words. Ids may begin with 1, as Keras' do; 0 is padding then.

    Returns:
        The folder.

    Raises:
        ArgumentError: the folder exists.
        DataError: the file holds something that a language model of Tidegate does not have, or the vocabulary does
            not fit it.
    """
    folder = Path(folder)
    if folder.exists():
        held = "holds a run" if holds_run(folder) else "exists"
        raise ArgumentError(f"{folder} {held} already: choose another name.")
    tokenizer, notes = read_vocabulary(Path(vocabulary))
    model = _language_model(found, tokenizer.vocabulary_size)
    notes.insert(
        0,
        f"Converted from {found.path.name} ({found.format}, SHA-256 {found.digest}), not trained here: the settings of "
        "training are defaults. Assumed: nothing but dropout between embedding, layers and output.",
    )
    config = RunConfig(
        task="lm",
        model=model.config,
        train=TrainConfig(),
        prediction_name=tokenizer.name,
        baselines={},
        split_kind="unknown",
        data_digest="unknown",
        notes=notes,
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as partial:
        made = Path(partial, folder.name)
        made.mkdir()
        tokenizer.save(made)
        write_model(made, dict(model.named_parameters()), step=0, validation=None)
        write_config(made, config)
        os.rename(made, folder)
    return folder


def read_vocabulary(path: Path) -> tuple[Tokenizer, list[str]]:
    """Read a file with the tokens of a model, and return a tokenizer and what is to be known of it.

    Raises:
        DataError: it is no such file, or has a token or an id twice.
    """
    with open_input(path) as file:
        size = os.fstat(file.fileno()).st_size
    if size > MOST_BYTES:
        raise DataError(f"{path} is larger than {MOST_BYTES:,} bytes: it is no file of tokens.")
    tokens, notes = _tokens([line for _, line in read_lines(path)], path), []
    kind = "characters" if all(it is None or len(it) == 1 for it in tokens) else "words"
    names = [PADDING[kind] if it is None else it for it in tokens]
    if None in tokens:
        notes.append(f"Token 0 is padding, called {PADDING[kind]!r}.")
    if kind == "characters":
        return CharacterTokenizer("".join(names)), notes
    return WordTokenizer(names, unknown="replace" if UNKNOWN in names else "error"), notes


def _tokens(lines: list[str], path: Path) -> list[str | None]:
    """Return tokens in the order of their ids; None for an id 0 that no token has."""
    text = "\n".join(lines)
    if text.lstrip()[:1] in ("[", "{"):
        try:
            given = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            if path.suffix.lower() == ".json":
                raise DataError(f"{path} is no JSON: {error}.") from error
        else:
            return _of_json(given, path)
    if "" in lines:
        n = lines.index("") + 1
        raise DataError(f"{path}: line {n} is empty. A file of lines has a token in each; for line ends, use JSON.")
    return [*lines]


def _of_json(given: Any, path: Path) -> list[str | None]:
    if isinstance(given, Mapping):
        return _by_id(given, path)
    if isinstance(given, list) and given and all(isinstance(it, str) for it in given):
        return given
    raise DataError(f"{path} should hold a list of tokens, or an object that gives each token's id.")


def _by_id(given: Mapping[str, Any], path: Path) -> list[str | None]:
    if not given or not all(type(it) is int for it in given.values()):
        raise DataError(f"{path} should give a whole number for each token, such as {{'a': 0, 'b': 1}}.")
    by_id = {number: token for token, number in given.items()}
    first = min(by_id)
    if first not in (0, 1) or len(by_id) < len(given) or max(by_id) - first + 1 != len(by_id):
        raise DataError(
            f"{path} has {len(given)} tokens with ids from {first} to {max(by_id)}: each id from 0 (or 1) on should "
            "occur once."
        )
    return [by_id.get(n) for n in range(max(by_id) + 1)]


def _language_model(found: Converted, vocabulary_size: int) -> LanguageModel:
    layers = [_forward_layer(it) for it in found.layers.values()]
    cells = {it.cell.name for it in layers}
    name = cells.pop()
    if cells or name not in CELLS or CELLS[name].digest != layers[0].cell.digest:
        named = "several cells" if cells else f"equations of their own ({name})"
        raise _unfit(found, f"its layers have {named}, and a run has one cell of the registry (`tidegate cells`)")
    sizes = [layer.hidden_size for layer in layers for _ in range(layer.num_layers)]
    _check_order(found, layers)
    inputs = layers[0].input_size
    embedding, weight, bias = _ends(found, vocabulary_size, inputs, sizes[-1])
    same = len(set(sizes)) == 1
    config = LanguageModelConfig(
        vocabulary_size,
        cell=name,
        hidden_size=max(sizes),
        num_layers=len(sizes),
        layer_sizes=None if same else ",".join(map(str, sizes)),
        embedding_size=None if embedding is None else inputs,
        tie_weights=embedding is not None and inputs == sizes[-1] and torch.equal(embedding, weight),
    )
    model = LanguageModel(config)
    state: dict[str, Tensor] = {"output.weight": weight, "output.bias": bias}
    if embedding is not None:
        state["embedding.weight"] = embedding
    state |= {f"recurrent.{key}": value for key, value in _recurrent(layers, model.recurrent).items()}
    model.load_state_dict({key: value.float() for key, value in state.items()})
    return model.eval()


def _forward_layer(layer: ConvertedLayer) -> Any:
    module: Any = layer.module
    if not isinstance(module, Layered) or module.bidirectional or module.proj_size:
        raise DataError(
            f"{layer.name} is {module}, but a language model of Tidegate reads forward, without a projection. {ELSE}"
        )
    return module


def _check_order(found: Converted, layers: Sequence[Any]) -> None:
    for (name, one), (after, other) in itertools.pairwise(zip(found.layers, layers, strict=True)):
        if other.input_size != one.hidden_size:
            raise _unfit(
                found, f"{after} reads {other.input_size} features, but {name} before it gives {one.hidden_size}"
            )


def _ends(found: Converted, size: int, inputs: int, hidden: int) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return embedding (or None), weight and bias of the output layer, told by their shapes and names."""
    shapes = {name: tuple(value.shape) for name, value in found.others.items()}
    biases = [name for name, shape in shapes.items() if shape == (size,)]
    tables = [name for name, shape in shapes.items() if shape == (size, inputs)]
    heads = [name for name, shape in shapes.items() if shape == ((size, hidden) if _of_torch(name) else (hidden, size))]
    both = {*tables} & {*heads}
    embeddings = [it for it in tables if it not in both or not _named(it, IS_OUTPUT)]
    outputs = [it for it in heads if it not in both or not _named(it, IS_EMBEDDING)]
    if len(embeddings) == 1:
        outputs = [it for it in outputs if it not in embeddings]
    if len(outputs) == 1:
        embeddings = [it for it in embeddings if it not in outputs]
    shown = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no other tensors"
    if len(outputs) != 1 or len(biases) > 1:
        raise _unfit(
            found,
            f"of a vocabulary of {size:,} and {hidden} hidden units, one output layer is expected, but it has {shown}",
        )
    one_hot = inputs == size and not embeddings
    if not one_hot and len(embeddings) != 1:
        raise _unfit(found, f"an embedding of {size:,} tokens in {inputs} features is expected, but it has {shown}")
    if left := {*shapes} - {*outputs, *biases, *embeddings}:
        raise _unfit(found, f"besides embedding, recurrent layers and output layer it has {', '.join(sorted(left))}")
    weight = found.others[outputs[0]]
    weight = weight if _of_torch(outputs[0]) else weight.t()
    bias = found.others[biases[0]] if biases else weight.new_zeros(size)
    return (None if one_hot else found.others[embeddings[0]]), weight.contiguous(), bias


def _of_torch(name: str) -> bool:
    """Whether a linear layer's matrix has a row for each output, as PyTorch's; Keras' and TensorFlow's are turned."""
    return name.endswith("weight")


def _named(name: str, words: Sequence[str]) -> bool:
    return any(word in name.lower() for word in words)


def _recurrent(layers: Sequence[Any], made: nn.Module) -> dict[str, Tensor]:
    """Return the weights of layers that follow one another by the names of one `Recurrent`."""
    if isinstance(layers[0], nn.RNNBase):
        rows = [row for layer in layers for row in _rows(layer)]
        return recurrent_weights(layers[0].cell, rows, made)  # type: ignore[arg-type]
    found, first = {}, 0
    for layer in layers:
        for key, value in layer.state_dict().items():
            name, _, n = key.rpartition("_l")
            found[f"{name}_l{first + int(n)}"] = value
        first += layer.num_layers
    return found


def _rows(layer: Any) -> Iterator[list[Direction]]:
    """Return the weights of a drop-in, layer by layer."""
    own = layer.state_dict()
    for n in range(layer.num_layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        yield [Direction(*(own.get(f"{it}_l{n}") for it in names))]  # type: ignore[arg-type]


def _unfit(found: Converted, why: str) -> DataError:
    return DataError(f"{quoted(found.path.name)} is no language model that a run can hold: {why}. {ELSE}")
