"""Translators and captioners: attention, and the tree of the beam search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tidegate.data.column_kinds import stored_text
from tidegate.data.columns import Encoded
from tidegate.data.word_split import pieces
from tidegate.drawing import caption_html
from tidegate.lens.notebook import together
from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.beam_tree import BeamTree, BeamTreeBuilder
from tidegate.lens.tasks.example import ArrayRow, Example, on_cpu, picture_shape
from tidegate.lens.tasks.hooks import recorded_calls
from tidegate.lens.tasks.outcomes.text_outcomes import MEASURE, text_outcomes
from tidegate.lens.tasks.pictures import Frames, pictures, pixel_count
from tidegate.lens.tasks.reasons.decisions import TOKENS
from tidegate.lens.tasks.reasons.picture_decisions import CAPTIONS
from tidegate.lens.tasks.task_look import ExampleLook
from tidegate.lens.tasks.units.writer_subject import CAPTIONER, TRANSLATOR
from tidegate.lens.tasks.views import Choices, Look, Steps
from tidegate.tasks.seq2seq.caption import Captioner, CaptionTask, extra_names
from tidegate.tasks.seq2seq.search import Hypothesis, beam_search
from tidegate.tasks.seq2seq.task import Beginning, WritingTask, level_of, text_in
from tidegate.tasks.seq2seq.translate import Translator
from tidegate.train import Run

IMAGE = "<image>"


@dataclass(frozen=True, repr=False)
class WriterLook(Look):
    """What a translator or captioner did with an example.

    ``steps["target"]`` is the decoder: step t read ``read[t]``, the previous token (first the image, or the token that
    ends a text), and wrote ``written[t]``; ``choices`` are the model's own probabilities, including those of tokens
    that are never written. ``steps["source"]`` is a translator's encoder. Row t of ``attention`` has the weights with
    which token t was written.

    Attributes:
        written: the tokens of the best text, including the one that ends it unless the text was cut at the limit.
        tree: the continuations that the beam search considered.
        image: the image that a captioner read.
        extra: the numbers after its pixels, by name; empty if there are none.
    """

    written: tuple[str, ...]
    tree: BeamTree
    image: Frames | None
    extra: Mapping[str, float]

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tokens written."""
        return self.written

    def _repr_html_(self) -> str:
        """Notebook view: that of any look, and the tree."""
        return together(super()._repr_html_(), caption_html("beam search:"), self.tree._repr_html_())


def look_translator(run: Run) -> ExampleLook:
    """Return how a run of ``translate`` is looked at."""
    return ExampleLook(
        look_at_text,
        "Translation",
        "source",
        outcomes=text_outcomes,
        measure=MEASURE,
        answers="texts",
        subject=TRANSLATOR,
        decisions=TOKENS,
    )


def look_captioner(run: Run) -> ExampleLook:
    """Return how a run of ``caption`` is looked at."""
    return ExampleLook(
        look_at_text,
        "Caption",
        array_row=_image_row,
        outcomes=text_outcomes,
        measure=MEASURE,
        answers="texts",
        picture=_thumbnail,
        subject=CAPTIONER,
        decisions=CAPTIONS,
    )


def _thumbnail(task: CaptionTask, encoded: Encoded) -> NDArray[np.float32]:
    numbers = np.asarray(encoded["image"])
    return pictures(numbers[:, : pixel_count(task.preprocessing, numbers.shape[1])]).values[0]


def _image_row(array: NDArray[Any]) -> ArrayRow:
    return ArrayRow({"image": np.asarray(array, np.float32).ravel()}, picture_shape(array.shape))


def look_at_text(task: WritingTask, model: Translator | Captioner, example: Example) -> WriterLook:
    """Look inside a translator or a captioner while it writes.

    The search is that of ``tidegate predict``; a beam of 1 is greedy. The decoder then reads the best text again, all
    of it at once, which gives the states and attention that it had while writing.

    Args:
        task: the run's task; its ``config`` has the width of the beam.
        model: in eval mode.
        example: A text or an image.
    """
    decoder, vocabulary = model.decoder, task.preprocessing.vocabulary("target")
    encoder = model.encoder if isinstance(model, Translator) else None
    with recorded_calls(encoder) as calls:
        begin = model.begin(example.columns)
    found, tree = _search(task, model, begin)
    tokens = found[0].tokens + [decoder.end] * found[0].ended
    target = torch.tensor([tokens], device=begin.first.device)
    with recorded_calls(decoder.recurrent) as runs, recorded_calls(decoder.attention) as looks:
        features, _ = decoder.features(decoder.inputs(begin.first, target), begin.state, begin.memory)
    written = tuple(vocabulary.decode(tokens))
    first = vocabulary[decoder.end] if encoder is not None else IMAGE
    read = (first, *(written[:-1] if decoder.embedding is not None else [""] * (len(written) - 1)))
    x, state = runs[0].args[0], begin.state
    steps = {}
    if encoder is not None:
        source = _source(task, example)
        steps["source"] = Steps(source, trace(encoder, calls[0].args[0][0], labels=source))
    choices = Choices(vocabulary.entries, on_cpu(decoder.output(features[0]).softmax(-1)))
    steps["target"] = Steps(read, trace(decoder.recurrent, x[0], state, labels=read), choices=choices)
    each = [{"text": task.text_of(it), "score": it.score} for it in found]
    return WriterLook(
        task=task.name,
        steps=steps,
        prediction={**each[0], "n_best": each} if task.config.beam > 1 else each[0],
        truth={"text": stored_text(example.encoded["truth"])} if "truth" in example.encoded else None,
        attention=on_cpu(looks[0].output[1][0]) if looks else None,
        written=written,
        tree=tree,
        **_image(task, example),
    )


def _image(task: WritingTask, example: Example) -> dict[str, Any]:
    """Return a captioner's image, and the numbers that come after its pixels."""
    if "image" not in example.encoded:
        return {"image": None, "extra": {}}
    numbers = np.asarray(example.encoded["image"])
    count, names = numbers.shape[1], extra_names(task.preprocessing)
    pixels = count if example.picture is not None else pixel_count(task.preprocessing, count)
    names = names or [f"number {n + 1}" for n in range(pixels, count)]
    extra = dict(zip(names, map(float, numbers[0, pixels:]), strict=False))
    return {"image": pictures(numbers[:, :pixels], example.picture), "extra": extra}


def _search(task: WritingTask, model: Translator | Captioner, begin: Beginning) -> tuple[list[Hypothesis], BeamTree]:
    decoder, width = model.decoder, task.config.beam
    builder = BeamTreeBuilder(width, task.preprocessing.vocabulary("target"), decoder.end)
    (found,) = beam_search(
        decoder.writing(*begin, width=width),
        examples=1,
        width=width,
        end=decoder.end,
        limit=task.limit,
        length_penalty=task.config.length_penalty,
        observe=builder,
    )
    return found, builder.tree(found)


def _source(task: WritingTask, example: Example) -> tuple[str, ...]:
    text = text_in(example.row, "source", "") if example.row else stored_text(example.encoded["original"])
    return tuple(pieces(text, level_of(task.preprocessing, "source")))
