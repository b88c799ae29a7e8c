"""Inside what writes texts, a translator or a captioner: where it looked, and what else it might have written."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tidegate.data.word_split import pieces
from tidegate.drawing import caption_html
from tidegate.lens.notebook import together
from tidegate.lens.record.trace import trace
from tidegate.lens.tasks.beam_tree import BeamTree, Grower
from tidegate.lens.tasks.hooks import watched
from tidegate.lens.tasks.inputs import Given, on_cpu
from tidegate.lens.tasks.pictures import Frames, pictures
from tidegate.lens.tasks.views import Choices, Look, Steps
from tidegate.tasks.seq2seq.caption import Captioner
from tidegate.tasks.seq2seq.search import Hypothesis, beam_search
from tidegate.tasks.seq2seq.task import Beginning, WritingTask, level_of, text_in
from tidegate.tasks.seq2seq.translate import Translator

IMAGE = "<image>"


@dataclass(frozen=True)
class WriterLook(Look):
    """A text as it was written.

    ``steps["target"]`` is the decoder: step t read ``read[t]``, which is what was written before (at first the image,
    or the end of the text before), and wrote ``written[t]`` out of ``choices``; these are the model's own
    probabilities, those of tokens that are never written included. ``steps["source"]`` is the encoder, of a translator.
    Row t of ``attention`` is where the decoder looked as it wrote token t.

    Attributes:
        written: the tokens of the best text, its end included unless it was cut at the limit.
        tree: what was considered.
        image: what a captioner saw.
    """

    written: tuple[str, ...]
    tree: BeamTree
    image: Frames | None

    @property
    def answers(self) -> tuple[str, ...]:
        """What was written."""
        return self.written

    def _repr_html_(self) -> str:
        """A notebook's view: that of any look, and the tree."""
        return together(super()._repr_html_(), caption_html("beam search:"), self.tree._repr_html_())


def look_at_text(task: WritingTask, model: Translator | Captioner, given: Given) -> WriterLook:
    """Look inside a translator or a captioner while it writes.

    The search is that of ``tidegate predict``, a beam of 1 being greedy. The decoder then reads the best text again,
    all of it at once: what it did there is what it did while writing.

    Args:
        task: the run's task; its ``config`` says how wide the beam is.
        model: in eval mode.
        given: the example.
    """
    decoder, vocabulary = model.decoder, task.preprocessing.vocabulary("target")
    encoder = model.encoder if isinstance(model, Translator) else None
    with watched(encoder) as calls:
        begin = model.begin(given.columns)
    found, tree = _search(task, model, begin)
    tokens = found[0].tokens + [decoder.end] * found[0].ended
    given_tokens = torch.tensor([tokens], device=begin.first.device)
    with watched(decoder.recurrent) as runs, watched(decoder.attention) as looks:
        features, _ = decoder.features(decoder.inputs(begin.first, given_tokens), begin.state, begin.memory)
    written = tuple(vocabulary.decode(tokens))
    first = vocabulary[decoder.end] if encoder is not None else IMAGE
    read = (first, *(written[:-1] if decoder.embedding is not None else [""] * (len(written) - 1)))
    x, state = runs[0].args[0], begin.state
    steps = {}
    if encoder is not None:
        source = _source(task, given)
        steps["source"] = Steps(source, trace(encoder, calls[0].args[0][0], labels=source))
    choices = Choices(vocabulary.entries, on_cpu(decoder.output(features[0]).softmax(-1)))
    steps["target"] = Steps(read, trace(decoder.recurrent, x[0], state, labels=read), choices=choices)
    each = [{"text": task.text_of(it), "score": it.score} for it in found]
    return WriterLook(
        task=task.name,
        steps=steps,
        said={**each[0], "n_best": each} if task.config.beam > 1 else each[0],
        truth={"text": given.example["truth"].tobytes().decode()} if "truth" in given.example else None,
        attention=on_cpu(looks[0].output[1][0]) if looks else None,
        written=written,
        tree=tree,
        image=pictures(given.example["image"], given.picture) if "image" in given.example else None,
    )


def _search(task: WritingTask, model: Translator | Captioner, begin: Beginning) -> tuple[list[Hypothesis], BeamTree]:
    decoder, width = model.decoder, task.config.beam
    grower = Grower(width, task.preprocessing.vocabulary("target"), decoder.end)
    (found,) = beam_search(
        decoder.writing(*begin, width=width),
        examples=1,
        width=width,
        end=decoder.end,
        limit=task.limit,
        length_penalty=task.config.length_penalty,
        observe=grower,
    )
    return found, grower.tree(found)


def _source(task: WritingTask, given: Given) -> tuple[str, ...]:
    text = text_in(given.row, "source", "") if given.row else given.example["original"].tobytes().decode()
    return tuple(pieces(text, level_of(task.preprocessing, "source")))
