"""What is exported: a module, or a run with the texts of its tokens, the names of its outputs and held-out data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.export.graph.graph import Graph
from tidegate.export.graph.in_python import outputs, random_inputs
from tidegate.export.graph.models import OUTPUT, add_regressor, graph_of
from tidegate.export.graph.parts import Numbers
from tidegate.export.graph.traced.read_program import read_program
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.forecast.model import inputs as forecast_inputs
from tidegate.tasks.regress.model import Regressor
from tidegate.text import LanguageModel
from tidegate.text.generation import start_ids
from tidegate.text.tokenizers.bpe import BPE
from tidegate.text.tokenizers.bytes import PIECES, ByteTokenizer
from tidegate.text.tokenizers.characters import REPLACEMENT, CharacterTokenizer
from tidegate.text.tokenizers.tokenizer import Tokenizer
from tidegate.text.tokenizers.words import END, UNKNOWN, WordTokenizer
from tidegate.train.run_folder import Run

STEPS = 1000  # of held-out data
PRECISE = 1e-6  # deviations
Level = Literal["characters", "bytes", "words", "bpe"]


@dataclass(frozen=True)
class TokenTexts:
    """The texts of a model's tokens.

    Attributes:
        level: what they are.
        texts: of each token, in UTF-8; a byte, or a token of BPE, may be part of a character.
        unknown: the token that is read in place of those that are not known, if there is one.
        dropped: whether what is not known is left out.
        start: the token that is read where there is no text.
        reading: what a text has to be like, in a sentence; empty: any.
    """

    level: Level
    texts: tuple[bytes, ...]
    unknown: int | None = None
    dropped: bool = False
    start: int = 0
    reading: str = ""

    __repr__ = brief_repr


@dataclass(frozen=True)
class Exported:
    """A model, and what is known about its inputs and outputs.

    Attributes:
        graph: the model; of a run of the task regress with its normalisation, from units to units.
        outputs: what Python gives for one sequence of each input.
        tokens: the texts of its tokens.
        labels: the names of its outputs: classes, tags, targets.
        classes: whether the largest output decides, as of classes and tags.
        inputs: the names of the numbers of a frame.
        spread: mean and deviation of the numbers of a frame, if these are not normalised.
        held_out: sequences for each input, from data that the model has not been trained on; none if there are none.
        notes: on what a user has to give, in sentences.
        batch_first: of a traced module, whether sequences come before steps in its input.
    """

    graph: Graph
    outputs: Callable[[list[Tensor]], Tensor]
    tokens: TokenTexts | None = None
    labels: tuple[str, ...] = ()
    classes: bool = False
    inputs: tuple[str, ...] = ()
    spread: tuple[Tensor, Tensor] | None = None
    held_out: Callable[[], Iterator[list[Tensor]]] = lambda: iter(())
    notes: tuple[str, ...] = ()
    batch_first: bool = False

    __repr__ = brief_repr

    def random_inputs(self, steps: int, seed: int = 0) -> list[Tensor]:
        """Draw a sequence for each input, in its units: see `tidegate.export.graph.in_python.random_inputs`."""
        found = random_inputs(self.graph, steps, seed)
        if self.spread is not None:
            mean, deviation = self.spread
            found[0] = (found[0] * deviation + mean).float()
        return found


def exported(model: nn.Module | Run | ExportedProgram) -> Exported:
    """Return a model as a graph, with what is known about it.

    Args:
        model: see `tidegate.export.graph.models.graph_of`; a run, from `tidegate.train.load_run`; or a program of
            ``torch.export``.

    Raises:
        ArgumentError: something in it cannot be exported.
        RunFolderError: the run's preprocessing was altered.
    """
    if isinstance(model, ExportedProgram):
        traced = read_program(model)
        return Exported(traced.graph, traced.run, batch_first=traced.batch_first)
    if not isinstance(model, Run):
        graph = graph_of(model)
        return Exported(graph, lambda inputs: outputs(model, graph, inputs))
    run, graph = model, graph_of(model.model)

    def given(inputs: list[Tensor]) -> Tensor:
        return outputs(run.model, graph, inputs)

    if isinstance(run.model, LanguageModel):
        return Exported(graph, given, token_texts(run.tokenizer), held_out=lambda: _text(run))
    if isinstance(run.model, Regressor):
        return _regression(run)
    fitted = run.vocabulary

    def examples() -> Iterator[list[Tensor]]:
        return _examples(run)

    if isinstance(run.model, Forecaster):
        past = run.model.past
        note = (
            f"The first {past} numbers of a frame are of its step, the others, which are known in advance, of the "
            "next. Values are in deviations from the mean of their series, as in training, and so are the outputs: the "
            f"numbers of the distribution ({run.config.model.distribution}) of each next value."
        )
        return Exported(graph, given, held_out=examples, notes=(note,))
    labels = tuple(fitted.vocabulary("labels").entries) if "labels" in fitted.values else ()
    level = fitted.values.get("input", "frames")
    tokens = None
    if level != "frames":
        entries = fitted.vocabulary(level)
        texts = tuple(it.encode("utf-8", "surrogatepass") for it in entries.entries)
        lowercase = bool(getattr(run.config.model, "lowercase", False))
        tokens = TokenTexts(level, texts, entries.unknown, reading=_reading(level, lowercase=lowercase, cut=True))
    return Exported(graph, given, tokens, labels, bool(labels), held_out=examples)


def token_texts(tokenizer: Tokenizer) -> TokenTexts:
    """Return the texts of a tokenizer's tokens."""
    start = int(start_ids(tokenizer)[0])
    match tokenizer:
        case CharacterTokenizer():
            texts = tuple(it.encode() for it in tokenizer.characters)
            unknown = tokenizer.characters.index(REPLACEMENT) if tokenizer.unknown == "replace" else None
            reading = _reading("characters", composed=tokenizer.normalize is not None)
            return TokenTexts("characters", texts, unknown, tokenizer.unknown == "drop", start, reading)
        case WordTokenizer():
            texts = tuple(b"\n" if it == END else it.encode("utf-8", "surrogatepass") for it in tokenizer.words)
            unknown = tokenizer.words.index(UNKNOWN) if tokenizer.unknown == "replace" else None
            reading = _reading(
                "words",
                lowercase=tokenizer.lowercase,
                cut=tokenizer.pattern is not None,
                composed=tokenizer.normalize is not None,
            )
            return TokenTexts("words", texts, unknown, tokenizer.unknown == "drop", start, reading)
        case ByteTokenizer():
            reading = _reading("bytes", composed=tokenizer.normalize is not None)
            return TokenTexts("bytes", tuple(PIECES), start=start, reading=reading)
        case BPE():
            return TokenTexts("bpe", tuple(tokenizer.pieces), start=start)
        case _:
            raise ArgumentError(f"{type(tokenizer).__name__} is no tokenizer whose tokens are known here.")


def _reading(level: Level, *, lowercase: bool = False, cut: bool = False, composed: bool = False) -> str:
    """Say what a text has to be like that is read without the tokenizer."""
    rules = []
    if level == "words" and lowercase:
        rules.append("be in lower case")
    if level == "words" and cut:
        rules.append("stand apart from one another and from punctuation")
    found = f"Words have to {' and '.join(rules)}." if rules else ""
    return found + (" " * bool(found) + "Characters have to be composed (NFC)." if composed else "")


def _regression(run: Run) -> Exported:
    """Return a run of the task regress, from inputs in their units to targets in theirs."""
    model: Regressor = run.model
    mean, deviation, low, scale = _units(run)
    graph = Graph()
    x = graph.input("x", len(mean))
    centred = graph.apply("sub", x, graph.add(Numbers(mean.float())))
    rest = mean - mean.float()  # which matters where the mean is far larger than the deviation
    if float((rest / deviation).abs().max()) > PRECISE:
        centred = graph.apply("sub", centred, graph.add(Numbers(rest.float())))
    y = add_regressor(graph, model, graph.apply("mul", centred, graph.add(Numbers((1 / deviation).float()))))
    y = graph.apply("mul", y, graph.add(Numbers(scale.float())))
    graph.outputs[OUTPUT] = graph.apply("add", y, graph.add(Numbers(low.float())))

    def outputs_in_units(inputs: list[Tensor]) -> Tensor:
        normalised = ((inputs[0].double() - mean) / deviation).float()
        return (outputs(model, graph, [normalised]).double() * scale + low).float()

    names = [tuple(run.vocabulary.vocabulary(it).entries) for it in ("inputs", "targets")]
    note = "An input that is not known has to be filled in: from the first NaN on, outputs are NaN."
    return Exported(
        graph, outputs_in_units, labels=names[1], inputs=names[0], spread=(mean, deviation),
        held_out=lambda: _examples(run), notes=(note,),
    )  # fmt: skip


def _units(run: Run) -> list[Tensor]:
    """Return mean and deviation of the inputs, then of the targets, of a run of the task regress."""
    sizes = {"input": run.model.recurrent.input_size, "target": run.model.targets}
    return [
        torch.tensor(run.vocabulary.numbers(f"{name}_{it}", size), dtype=torch.float64)
        for name, size in sizes.items()
        for it in ("mean", "deviation")
    ]


def without_units(run: Run, computed: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return what a run's model itself computes, from what its `Exported` graph does: the same but for units."""
    if not isinstance(run.model, Regressor):
        return computed
    mean, deviation, low, scale = _units(run)
    return lambda x: ((computed((x.double() * deviation + mean).float()).double() - low) / scale).float()


def _text(run: Run) -> Iterator[list[Tensor]]:
    if run.holds_data:
        corpus = run.open_data()
        part = corpus.validation if len(corpus.validation) else corpus.test
        yield [torch.from_numpy(part[:STEPS].astype(np.int64))]


def _examples(run: Run) -> Iterator[list[Tensor]]:
    """Read held-out examples of about `STEPS` steps."""
    if not run.holds_data or not issubclass(run.task, ExampleTask):
        return
    task: Any = run.task
    parts, steps = run.open_data().parts, 0
    part = parts["validation"] if len(parts["validation"]) else parts["test"]
    for n in range(len(part)):
        values = part.columns[task.LENGTH][n][: STEPS - steps]
        if len(found := as_read(run, values)):
            yield [found]
        steps += len(values)
        if steps >= STEPS:
            return


def as_read(run: Run, values: NDArray[Any]) -> Tensor:
    """Return an encoded example as the graph of an `Exported` reads it: tokens (T,) or frames (T, size)."""
    found = torch.from_numpy(np.array(values))
    if isinstance(run.model, Forecaster):
        return forecast_inputs(found[None], run.model.past)[0]
    if isinstance(run.model, Regressor):
        mean, deviation, _, _ = _units(run)
        return (found.double() * deviation + mean).float()
    return found
