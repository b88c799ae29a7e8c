"""Many to one: a class for each text or series of frames (with one step, one to one).

h_1 .. h_T = recurrent(x_1 .. x_T),  p(class) = softmax(W pool(h) + b)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tidegate.data.array_files import holds_arrays
from tidegate.data.buckets import Padded
from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.frames import FrameStatistics, checked_frames, read_frames
from tidegate.data.rows import Row, layout_notes
from tidegate.data.tables.cell_values import named
from tidegate.data.tables.delimiters import TableOptions
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.word_split import words_of
from tidegate.data.words.cutting import AT_BLANKS, Cutting, already_cut, described, find_cutting
from tidegate.errors import DataError, UnknownTokenError
from tidegate.io.wording import quoted
from tidegate.tasks.classification_scores import class_table, confusion
from tidegate.tasks.classify.reader import beside_classes, read_labelled
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.input_layer import input_layer, subword_columns
from tidegate.tasks.layers import FrameInput, Pool, TokenInput, input_kind, recurrent
from tidegate.tasks.metrics_report import Metric, Report
from tidegate.tasks.r_drop import RDropConfig, RDropTask
from tidegate.tasks.subword_options import SubwordConfig, encode_subwords, fit_subwords, subword_kinds, subwords_of
from tidegate.train.hub.pretrained_model import PretrainedModel
from tidegate.train.options import option


@dataclass(frozen=True, repr=False)
class ClassifyConfig(TableOptions, SubwordConfig, RDropConfig):
    """Architecture of a classifier, and how its files are read."""

    hidden_size: int = option(64, "Hidden units per layer and direction.", min=1)
    bidirectional: bool = option(True, "Bidirectional layers.")
    embedding_size: int = option(200, "Size of the embedding of words or characters.", min=1)
    freeze_vectors: bool = option(False, "Keep pretrained word vectors as they are.", absent=False, advanced=True)
    dropout: float = option(0.5, "Dropout before, between and after the layers.", min=0, below=1)
    pooling: Literal["last", "mean", "max", "attention"] = option(
        "max", "Pooling over steps: the last one, mean, max, or attention."
    )
    level: Literal["auto", "words", "characters"] = option("auto", "Tokenise by words or characters.", panel="Data")
    lowercase: bool = option(True, "Convert words to lower case.", panel="Data")
    min_count: int = option(2, "Words rarer than this are unknown.", panel="Data", min=1)
    text_column: str | None = option(None, "The column of the text.", panel="Data")
    label_column: str | None = option(None, "The column of the class.", panel="Data")


class Classifier(PretrainedModel):
    """Input, recurrent layers, pooling, output layer.

    Args:
        config: the model config.
        preprocessing: vocabularies, or the frames' statistics.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: ClassifyConfig, preprocessing: Preprocessing, *, backend: str | None = None) -> None:
        super().__init__()
        self.input, width = input_layer(
            preprocessing,
            config.embedding_size,
            config.word_dropout,
            subwords=subwords_of(config, preprocessing),
            subword_dropout=config.subword_dropout,
            frozen=config.freeze_vectors,
        )
        self.recurrent = recurrent(config, width, bidirectional=config.bidirectional, backend=backend)
        directions = 1 + config.bidirectional
        self.pool = Pool(config.pooling, directions * config.hidden_size, directions)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(directions * config.hidden_size, len(preprocessing.vocabulary("labels")))

    def forward(self, values: Tensor, lengths: Tensor, *subwords: Padded) -> Tensor:
        """Tokens (B, L) or frames (B, L, F), lengths (B,), and what a `SubwordInput` needs, to logits (B, classes)."""
        x = self.input(values, *subwords)
        x = (
            x if isinstance(self.input, FrameInput) else self.dropout(x)
        )  # no dropout of frames: without some pixels it is another frame
        output, final = self.recurrent(x, lengths=lengths)
        pooled = self.pool(self.dropout(output), final[0] if isinstance(final, tuple) else final, lengths)
        return self.output(self.dropout(pooled) if self.pool.kind == "last" else pooled)


class ClassifyTask(RDropTask):
    """A class for each text or series of frames (many to one)."""

    name = "classify"
    look: str | None = "tidegate.lens.tasks.classifier:look"
    Config = ClassifyConfig
    LENGTH: str = "inputs"
    PACKAGES: Sequence[str] = ("sklearn",)
    training_defaults: Mapping[str, Any] = {"validate_every": None, "epochs": 10, "learning_rate": 2e-3}

    @classmethod
    def remarks(cls, path: Path, config: Any) -> Sequence[str]:
        """Name the files beside folders of classes, and say how an unusual table is read."""
        beside = beside_classes(path)
        notes = [] if path.is_dir() else layout_notes(path, config.delimiter)
        return notes + ([f"left alone beside the folders of classes in {path}: {named(beside)}"] if beside else [])

    @classmethod
    def read(cls, path: Path, config: ClassifyConfig) -> Iterator[Row]:
        """Read tables, FastText lines, folders of classes, or frames in ``.npz``."""
        if holds_arrays(path):
            return read_frames(path, label="labels")
        return read_labelled(path, config.text_column, config.label_column, config.delimiter)

    @classmethod
    def fit(cls, rows: Iterable[Row], config: ClassifyConfig) -> tuple[Preprocessing, list[str]]:
        """Fit the classes, and the vocabulary of words or characters, or mean and deviation of the frames."""
        labels: Counter[str] = Counter()
        words: Counter[str] = Counter()
        chunks: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        frames = FrameStatistics()
        for row in rows:
            labels[_label(row)] += 1
            if "frames" in row.values:
                frames.add(checked_frames(row, features=frames.features))
            else:
                words.update(split_words(row.values["text"], config.lowercase))
                chunks.update(row.values["text"].split())
                characters.update(row.values["text"])
        if len(labels) < 2:
            given = f"only the class {quoted(next(iter(labels)))}" if labels else "no class"
            raise DataError(f"The training part has {given}: a classifier needs at least two.")
        preprocessing: dict[str, Any] = {"labels": Vocabulary.of_labels(labels).entries, "counts": dict(labels)}
        notes = [f"classes: {_named(labels)}"]
        if frames.series:
            config.check_dropout("frames")
            fit_subwords(config, "frames", ())
            return Preprocessing(preprocessing | {"input": "frames"} | frames.preprocessing()), [*notes, frames.note()]
        level = config.level
        if level == "auto":
            level = "characters" if words.total() < 3 * labels.total() else "words"
        config.check_dropout(level)
        if level == "words" and already_cut(chunks):
            cutting = find_cutting(chunks)
            preprocessing["cutting"] = cutting.record()
            notes.append(described(cutting, chunks))
            words = Counter()
            for chunk, count in chunks.items():
                for word in split_words(chunk, config.lowercase, cutting):
                    words[word] += count
        chosen = words if level == "words" else characters
        entries = Vocabulary.of(chosen, min_count=config.min_count).entries
        note = f"steps are {level}; {len(entries) - 1:,} in the vocabulary, of {len(chosen):,} seen"
        subwords, subword_notes = fit_subwords(config, level, words)
        return Preprocessing(preprocessing | {"input": level, level: entries} | subwords), [
            *notes,
            note,
            *subword_notes,
        ]

    @classmethod
    def encode(
        cls, row: Row, config: ClassifyConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Encode the one example of a row."""
        kind = preprocessing.text("input")
        example: dict[str, NDArray[Any]] = {}
        if kind == "frames":
            example["inputs"] = checked_frames(row, features=len(preprocessing.numbers("mean")))
        elif "text" not in row.values:
            raise DataError(f"{row.where}: the model reads {kind}, but frames were given.")
        else:
            text = row.values["text"]
            steps = split_words(text, config.lowercase, preprocessing.cutting()) if kind == "words" else text
            example["inputs"] = preprocessing.vocabulary(kind).encode(steps)
            example |= encode_subwords(config, preprocessing, steps)
        if not labelled:
            return [example]
        try:
            label = preprocessing.vocabulary("labels").number(_label(row))
        except UnknownTokenError as error:
            raise DataError(f"{row.where}: the class {error}") from error
        return [example | {"label": np.array([label])}]

    @classmethod
    def column_kinds(cls, config: ClassifyConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        label = ColumnKind("i8", below=len(preprocessing.vocabulary("labels")), length=1)
        return {"inputs": input_kind(preprocessing), "label": label} | subword_kinds(config, preprocessing)

    @classmethod
    def labels(cls, row: Row) -> Iterable[str]:
        """Return the row's class."""
        return [row.values["label"]] if isinstance(row.values.get("label"), str) else []

    @classmethod
    def make_model(cls, config: ClassifyConfig, vocabulary: Preprocessing, backend: str | None) -> Classifier:
        """Make a new classifier."""
        return Classifier(config, vocabulary, backend=backend)

    def vectors(self, model: Classifier) -> Tensor | None:
        """Return the embedding of words."""
        return model.input.embedding.weight if isinstance(model.input, TokenInput) else None

    def logits(self, model: Classifier, columns: Columns) -> Tensor:
        """Compute the logits of the classes."""
        return model(*columns["inputs"], *subword_columns(columns))

    def summed_loss_of(self, model: Classifier, logits: Tensor, columns: Columns) -> Tensor:
        """Compute the sum of -log p(class)."""
        return functional.cross_entropy(logits, columns["label"].values.squeeze(1), reduction="sum")

    def measure(self, model: Classifier, part: Part, *, tables: bool = True) -> Report:
        """Compute accuracy and macro F1, the confusion matrix and the scores of each class."""

        def score(columns: Columns) -> list[tuple[float, int, int]]:
            log, true = self.logits(model, columns).log_softmax(-1), columns["label"].values.squeeze(1)
            losses = -log.gather(1, true[:, None]).squeeze(1)
            return list(zip(losses.tolist(), log.argmax(-1).tolist(), true.tolist(), strict=True))

        losses, predicted, true = zip(*map_batches(part, self.LENGTH, model, score), strict=True)
        return self.report(sum(losses) / len(losses), true, predicted, tables=tables)

    def report(self, loss: float, true: Iterable[int], predicted: Iterable[int], *, tables: bool) -> Report:
        """Compute the metrics of predicted classes."""
        from sklearn.metrics import accuracy_score, f1_score

        labels, truth, guess = self.preprocessing.vocabulary("labels"), np.array(list(true)), np.array(list(predicted))
        counts = self.preprocessing.mapping("counts", int, least=1)
        common = np.full_like(truth, labels.number(max(counts, key=counts.__getitem__)))
        every, baseline = range(len(labels)), f"always {quoted(labels[int(common[0])], 20)}"

        def f1(guess: Any) -> float:
            scores = f1_score(truth, guess, labels=list(every), average="macro", zero_division=cast(str, 0))
            return float(scores)

        metrics = [
            Metric("accuracy", float(accuracy_score(truth, guess)), baseline, float(accuracy_score(truth, common))),
            Metric("macro F1", f1(guess), baseline, f1(common)),
        ]
        blocks = {}
        if tables:
            blocks = {
                "classes": class_table(truth, guess, labels.entries),
                "confusion (rows: the true class)": confusion(truth, guess, labels.entries),
            }
        return Report(loss, len(truth), metrics, blocks)

    def predict(self, model: Classifier, columns: Columns) -> list[dict[str, Any]]:
        """Predict the class and the probabilities of all classes."""
        labels = self.preprocessing.vocabulary("labels").entries
        found = []
        for row in self.logits(model, columns).softmax(-1).tolist():
            best = max(range(len(row)), key=row.__getitem__)
            found.append({"label": labels[best], "probabilities": dict(zip(labels, row, strict=True))})
        return found

    def record(self, row: Row, prediction: dict[str, Any]) -> dict[str, Any]:
        """Return the text, the class, its probability, and those of all classes, the likeliest first."""
        text = row.values.get("text")
        shares = sorted(prediction["probabilities"].items(), key=lambda it: -it[1])
        rounded = {label: float(f"{p:.6g}") for label, p in shares}
        about = {"text": text} if isinstance(text, str) else {}
        return about | {"label": prediction["label"], "p": rounded[prediction["label"]], "probabilities": rounded}

    def shown(self, prediction: dict[str, Any]) -> str:
        """Format the class and its probability, with a tab between them."""
        label = super().shown(prediction).replace("\t", "\\t")
        return f"{label}\t{prediction['probabilities'][prediction['label']]:.3f}"

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the losses of equal probabilities, and of the class frequencies of the training part."""
        part = self._training()[0].parts["validation"]
        labels, counts = self.preprocessing.vocabulary("labels"), self.preprocessing.mapping("counts", int, least=1)
        if not len(part):
            return {}, []
        shares = torch.tensor([float(counts[label]) for label in labels.entries])
        log = (shares / shares.sum()).log()
        true = torch.tensor([int(row[0]) for row in part.rows(range(len(part)))["label"]])
        return {"uniform": float(np.log(len(labels))), "class shares": -log[true].mean().item()}, []


def _label(row: Row) -> str:
    """Return the class of a row.

    Raises:
        DataError: there is none.
    """
    label = row.values.get("label")
    if isinstance(label, np.ndarray):
        raise DataError(
            f"{row.where}: 'labels' should be (N,), one class for each series, but has {label.shape} for this one. Is "
            "it a tag for each frame? That is the task tag."
        )
    if label is None or not label.strip():
        hint = row.values.get("unlabelled", "Give each series one in the array 'labels'.")
        raise DataError(f"{row.where}: there is no class. {hint}")
    return label


def split_words(text: str, lowercase: bool, cutting: Cutting = AT_BLANKS) -> list[str]:
    """Split a text into words and single punctuation marks; as the training texts are cut, if these are tokenised."""
    if cutting.marks_apart:
        found = [it.word for it in cutting.words(text)]
        return [it.lower() for it in found] if lowercase else found
    return words_of(text.lower() if lowercase else text)


def _named(counts: Counter[str]) -> str:
    some = ", ".join(f"{quoted(label, 30)} {count:,}" for label, count in counts.most_common(8))
    return some + (f", and {len(counts) - 8} more" if len(counts) > 8 else "")
