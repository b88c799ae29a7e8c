"""The base class of tasks whose target is a text: tokens, loss, metrics and decoding."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tidegate.data.buckets import pad
from tidegate.data.column_kinds import ColumnKind, stored_text
from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.ragged_array import Rows
from tidegate.data.rows import Row
from tidegate.data.tables.delimiters import TableOptions
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.data.word_split import Level, TextCounts, joined, pieces
from tidegate.errors import DataError
from tidegate.io.wording import amount, quoted
from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.metrics_report import Metric, Report
from tidegate.tasks.seq2seq.decoder import Memory, State, TokenDecoder
from tidegate.tasks.seq2seq.scores import text_metrics
from tidegate.tasks.seq2seq.search import Hypothesis, beam_search, drawn, greedy, stream, write
from tidegate.text.sampling import Sampling
from tidegate.train.config import SAMPLING
from tidegate.train.options import RecurrentConfig, option

END = "<end>"
ONE_WORD = 2  # mean target length in words below which exact match is the first metric
AT_MOST = 300  # texts that are decoded at a validation during training
SHOWN = 12  # examples in the table of a report


@dataclass(frozen=True, repr=False)
class WritingConfig(TableOptions, RecurrentConfig):
    """Settings of tasks that write texts."""

    embedding_size: int = option(100, "Size of the embedding of words or characters.", min=1)
    dropout: float = option(0.2, "Dropout before, between and after the layers.", min=0, below=1)
    target_level: Literal["auto", "words", "characters"] = option(
        "auto", "Tokenise the target by words or characters.", panel="Data"
    )
    min_count: int = option(2, "Words and characters rarer than this are unknown.", panel="Data", min=1)
    beam: int = option(1, "Width of the beam search; 1: greedy.", panel="Decoding", min=1)
    max_length: int = option(
        500, "Maximal length of a text, in words or characters.", panel="Decoding", min=1, advanced=True
    )
    length_penalty: float = option(
        1.0, "Length penalty of the beam: larger favours longer texts.", panel="Decoding", min=0, advanced=True
    )


class Beginning(NamedTuple):
    """The initial input of a decoder, see `TokenDecoder.losses`."""

    first: Tensor
    state: State | None = None
    memory: Memory | None = None


class WritingModel(Protocol):
    """The protocol of a model of these tasks."""

    @property
    def decoder(self) -> TokenDecoder:
        """The decoder."""
        ...

    def begin(self, columns: Columns) -> Beginning:
        """Compute the initial input of the decoder from a batch."""
        ...


class WritingTask(ExampleTask):
    """A task that writes texts. Rows of a subclass have a "target", its examples the columns of `encode_target`."""

    prediction_name = "token"
    PACKAGES: Sequence[str] = ("sacrebleu",)
    training_defaults: Mapping[str, Any] = {
        "validate_every": None,
        "epochs": 5,
        "sampling_probability_start": 0.0,
    }
    fewest_steps: int = 3000  # writing takes longer to learn than classifying
    extra_settings: Sequence[str] = SAMPLING
    METRICS: tuple[str, ...]
    """Metrics of the texts. The first chooses the best checkpoint, except for short targets (`ONE_WORD`)."""

    @abstractmethod
    def without_model(self, part: Part) -> Mapping[str, Sequence[str]]:
        """Return baselines by name: a text for each example."""

    def summed_loss(self, model: Any, columns: Columns, sampling_probability: float) -> Tensor:
        """Compute the sum of -log p over all tokens of the targets, including their ends."""
        feeding = "teacher" if self.settings is None else self.settings.feeding
        return _losses(model, columns, feeding=feeding, sampling_probability=sampling_probability).sum()

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """Count the tokens of each target, including its end."""
        return part.columns["target"].lengths

    def measure(self, model: Any, part: Part, *, tables: bool = True) -> Report:
        """Compute the metrics of decoded texts, and perplexity; without ``tables``, of 300 texts decoded greedily."""
        losses = sum(map_batches(part, self.LENGTH, model, lambda columns: _losses(model, columns).sum(1).tolist()))
        count = int(self.predictions(part).sum())
        chosen = part if tables else subsample(part)
        width = self.config.beam if tables else 1
        found = map_batches(chosen, self.LENGTH, model, lambda columns: self.write(model, columns, width))
        texts, truth = [self.text_of(it[0]) for it in found], stored_texts(chosen, "truth")
        common = self.preprocessing.text("common")
        baselines = {**self.without_model(chosen), f"always {quoted(common, 30)}": [common] * len(truth)}
        best = ("exact match",) if self.preprocessing.text("kind") == "answers" else ()
        metrics, table = text_metrics(texts, truth, baselines, tuple(dict.fromkeys(best + self.METRICS)))
        perplexity = torch.tensor([losses / count, self._unigram(part)]).exp().tolist()
        metrics.append(Metric("perplexity", perplexity[0], "unigram", perplexity[1], higher_is_better=False))
        blocks = {"written texts": table, "examples": _shown(truth, texts)} if tables else {}
        return Report(losses / count, count, metrics, blocks)

    def predict(self, model: Any, columns: Columns) -> list[dict[str, Any]]:
        """Predict the best text with its log p, and with a beam the others."""
        found = []
        for hypotheses in self.write(model, columns, self.config.beam):
            each = [{"text": self.text_of(it), "score": it.score} for it in hypotheses]
            found.append({**each[0], "n_best": each} if self.config.beam > 1 else each[0])
        return found

    def write(self, model: WritingModel, columns: Columns, width: int) -> list[list[Hypothesis]]:
        """Decode the best texts for each example of a batch: greedily if the width is 1, else by beam search."""
        writing = model.decoder.writing(*model.begin(columns), width=width)
        how: Any = {"end": model.decoder.end, "limit": self.limit}
        if width == 1:
            return [[it] for it in write(writing, choose=greedy, **how)]
        examples = len(columns[self.LENGTH].lengths)
        return beam_search(writing, examples=examples, width=width, length_penalty=self.config.length_penalty, **how)

    @torch.inference_mode()
    def stream(self, model: Any, row: Row, sampling: Sampling | None = None, *, seed: int = 0) -> Iterator[str]:
        """Write a text piece by piece: greedily, or by sampling.

        Raises:
            DataError: the row does not fit.
        """
        (example,) = self.encode(row, self.config, self.preprocessing, labelled=False)
        device = next(model.parameters()).device
        begin = model.begin({name: pad([it]).to(device) for name, it in example.items()})
        choose = greedy if sampling is None else drawn(sampling, [torch.Generator().manual_seed(seed)])
        end, limit, written = model.decoder.end, self.limit, ""
        tokens: list[int] = []
        for step, _ in stream(model.decoder.writing(*begin), end=end, limit=limit, choose=choose):
            tokens += [it for it in step.tolist() if it != end]
            text = self.text_of(Hypothesis(tokens, 0, False))
            if text != written:
                yield text.removeprefix(written)
            written = text

    @property
    def limit(self) -> int:
        """Maximal number of tokens of a text, including its end: that of the longest training target."""
        return max(1, min(self.preprocessing.number("longest"), self.config.max_length + 1))

    def text_of(self, hypothesis: Hypothesis) -> str:
        """Decode a hypothesis to text."""
        return joined(
            self.preprocessing.vocabulary("target").decode(hypothesis.tokens), level_of(self.preprocessing, "target")
        )

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the losses of equal probabilities, and of the token frequencies of the training part."""
        part = self._training()[0].parts["validation"]
        if not len(part):
            return {}, []
        return {
            "uniform": float(np.log(len(self.preprocessing.vocabulary("target")))),
            "unigram": self._unigram(part),
        }, []

    def _unigram(self, part: Part) -> float:
        # Add one: the unknown token may not occur in training.
        counts = np.array(self.preprocessing.numbers("occurrences", len(self.preprocessing.vocabulary("target")))) + 1
        log, column = np.log(counts / counts.sum()), part.columns["target"]
        return -sum(float(log[column[n]].sum()) for n in range(len(column))) / int(column.lengths.sum())


class TargetCounts:
    """Counts of targets, to fit their preprocessing."""

    def __init__(self) -> None:
        self.pieces = TextCounts()
        self.texts: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Count a target."""
        self.pieces.add(text)
        self.texts[text] += 1

    def preprocessing(self, config: WritingConfig) -> tuple[dict[str, Any], list[str]]:
        """Return vocabulary, longest and most frequent target; and notes for the user."""
        preprocessing, note = fit_side("target", self.pieces, config.target_level, config.min_count, (UNKNOWN, END))
        seen = self.pieces.counts[preprocessing["target_level"]]
        occurrences = [seen[it] for it in preprocessing["target"]]
        occurrences[:2] = [seen.total() - sum(occurrences), self.pieces.texts]
        words = self.pieces.average
        preprocessing |= {
            "occurrences": occurrences,
            "longest": 1 + max((len(pieces(it, preprocessing["target_level"])) for it in self.texts), default=0),
            "common": max(self.texts, key=lambda it: (self.texts[it], it), default=""),
            "kind": "answers" if words < ONE_WORD else "sentences",
        }
        return preprocessing, [note, f"a target has {amount(words, 'word')} on average"]


def fit_side(
    side: str, counts: TextCounts, asked: Literal["auto", "words", "characters"], min_count: int, first: Sequence[str]
) -> tuple[dict[str, Any], str]:
    """Fit the vocabulary and the level of one side; return them with a note."""
    level = counts.level(asked)
    seen = counts.counts[level]
    entries = Vocabulary.of(seen, first=first, min_count=min_count).entries
    note = f"{side}: {level}; {len(entries) - len(first):,} in the vocabulary, of {len(seen):,} seen"
    return {side: entries, f"{side}_level": level}, note


def level_of(preprocessing: Preprocessing, side: str) -> Level:
    """Whether the tokens of a side are words or characters."""
    return "words" if preprocessing.text(f"{side}_level") == "words" else "characters"


def text_in(row: Row, side: str, hint: str) -> str:
    """Return the text of one side of a row.

    Raises:
        DataError: it is missing (``hint`` says what to give), or empty.
    """
    if side not in row.values:
        raise DataError(f"{row.where}: there is no {side}: {hint}.")
    text = str(row.values[side]).strip()
    if not text:
        raise DataError(f"{row.where}: the {side} is empty: give a text, or leave the row out.")
    return text


def encode_text(text: str, preprocessing: Preprocessing, side: str) -> NDArray[np.int64]:
    """Encode a text."""
    return preprocessing.vocabulary(side).encode(pieces(text, level_of(preprocessing, side)))


def encode_target(text: str, preprocessing: Preprocessing) -> Encoded:
    """Encode a target with its end; the text is stored too, since unknown tokens cannot be decoded."""
    end = preprocessing.vocabulary("target").number(END)
    return {"target": np.append(encode_text(text, preprocessing, "target"), end), "truth": text_bytes(text)}


def target_kinds(preprocessing: Preprocessing) -> dict[str, ColumnKind]:
    """Return what the columns of `encode_target` hold."""
    target = ColumnKind("i8", below=len(preprocessing.vocabulary("target")), shortest=1)
    return {"target": target, "truth": ColumnKind("u1")}


def text_bytes(text: str) -> NDArray[np.uint8]:
    """Encode a text to be stored in a column."""
    return np.frombuffer(text.encode(), np.uint8)


def stored_texts(part: Part, column: str) -> list[str]:
    """Decode the texts stored by `text_bytes`."""
    kept = part.columns[column]
    return [stored_text(kept[n]) for n in range(len(kept))]


def subsample(part: Part) -> Part:
    """Take at most 300 examples, evenly spaced."""
    if len(part) <= AT_MOST:
        return part
    chosen = np.linspace(0, len(part) - 1, AT_MOST).astype(int)
    return Part({name: Rows(rows) for name, rows in part.rows(chosen).items()})


def _losses(model: WritingModel, columns: Columns, **feeding: Any) -> Tensor:
    """Compute -log p of each token, (B, T)."""
    first, state, memory = model.begin(columns)
    return model.decoder.losses(first, *columns["target"], state, memory, **feeding)


def _shown(truth: Sequence[str], predicted: Sequence[str]) -> str:
    chosen = np.linspace(0, len(truth) - 1, min(SHOWN, len(truth))).astype(int)
    width = min(40, max(len(truth[n]) for n in chosen))
    return "\n".join(f"{truth[n]:{width}}  {'=' if truth[n] == predicted[n] else '≠'}  {predicted[n]}" for n in chosen)
