"""Tagging (many to many, aligned): a label for every word, character or frame.

x_t = [e(word_t); s(word_t)],  h_1 .. h_T = recurrent(x_1 .. x_T),  p(tag_t) = softmax(W h_t + b)

where s(word) comes from the word's characters (see `tidegate.tasks.tag.character_encoder`); for characters and frames
x_t is the character's vector or the frame itself. By choice a conditional random field joins the tags (see
`tidegate.tasks.tag.crf`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tidegate.data.array_files import holds_arrays
from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Encoded, Examples, Part, Preprocessing
from tidegate.data.frames import FrameStatistics, checked_frames, read_frames
from tidegate.data.rows import Row
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.cutting import described, find_cutting, plain
from tidegate.errors import DataError
from tidegate.io.wording import quoted
from tidegate.tasks.example_batches import Columns, map_batches
from tidegate.tasks.metrics_report import Report
from tidegate.tasks.r_drop import RDropTask
from tidegate.tasks.subword_options import encode_subwords, fit_subwords
from tidegate.tasks.tag.answers import answer_for, as_line
from tidegate.tasks.tag.columns_of_tags import column_kinds
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.model import Tagger
from tidegate.tasks.tag.reader import level_of, read_tagged, step_place, tags_of, tokens_of
from tidegate.tasks.tag.scores import UNSEEN, TagCounts, tag_report
from tidegate.tasks.tag.spans import PLAIN, SchemeFinder, fault, spans
from tidegate.train.task import Settings

PREDICTION_NAMES = {"words": "word", "characters": "character", "frames": "frame"}


class TagTask(RDropTask):
    """A tag for each word, character or frame (many to many, aligned)."""

    name = "tag"
    look: str | None = "tidegate.lens.tasks.tagger:look"
    Config = TagConfig
    LENGTH: str = "inputs"
    PACKAGES: Sequence[str] = ("sklearn", "seqeval")
    training_defaults: Mapping[str, Any] = {"validate_every": None, "epochs": 10, "batch_size": 16}

    def __init__(
        self,
        config: Any,
        preprocessing: Preprocessing,
        examples: Examples | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(config, preprocessing, examples, settings)
        self.level, self.scheme = preprocessing.text("input"), preprocessing.text("scheme")
        self.prediction_name = PREDICTION_NAMES[self.level]

    @classmethod
    def read(cls, path: Path, config: TagConfig) -> Iterator[Row]:
        """Read CoNLL, CoNLL-U, tables of lists, characters, lines of text, or frames in ``.npz``."""
        if holds_arrays(path):
            return read_frames(path, label="labels")
        return read_tagged(path, config.token_column, config.tag_column, config.conllu_field)

    @classmethod
    def fit(cls, rows: Iterable[Row], config: TagConfig) -> tuple[Preprocessing, list[str]]:
        """Fit the tags and their scheme, and the vocabularies, or mean and deviation of the frames."""
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        marked: dict[str, Counter[str]] = {}  # spans by scheme, counted until the scheme is known
        usual, finder, frames = TagCounts(), SchemeFinder(config.scheme), FrameStatistics()
        level, empty = "", 0
        for row in rows:
            found = level_of(row)
            level = level or found
            if found != level:
                raise DataError(f"{row.where}: the steps are {found}, but were {level} before: give one or the other.")
            steps: Any = checked_frames(row, features=frames.features) if level == "frames" else tokens_of(row, level)
            tags = tags_of(row, len(steps))
            finder.add(tags, lambda n, row=row: step_place(row, n))
            usual.add(steps if level != "frames" else (), tags)
            for scheme in finder.possible() if set(tags) - {"O"} else ():
                marked.setdefault(scheme, Counter()).update(kind for kind, _, _ in spans(tags, scheme))
            empty += not len(steps)
            if level == "frames":
                frames.add(steps)
            else:
                characters.update(character for token in steps for character in token)
                words.update(_known(steps, config) if level == "words" else ())
        if len(usual.tags) < 2:
            given = f"only the tag {quoted(usual.common())}" if usual.tags else "no tag"
            raise DataError(f"The training part has {given}: a tagger needs at least two.")
        config.check_dropout(level)
        scheme = finder.found()
        notes = [f"steps are {level}, {usual.tags.total():,} of them; tags: {_some(usual.tags)}"]
        if scheme == PLAIN and (config.valid_spans or config.recall_margin):
            name = "--valid-spans" if config.valid_spans else "--recall-margin"
            raise DataError(f"The tags mark no spans, but {name} is about spans: leave it out.")
        if scheme != PLAIN:
            kinds = marked.get(scheme)
            if not kinds:
                raise DataError(f"The tags of the training part mark no span in {scheme}: is that their scheme?")
            notes.append(f"scheme of the tags: {scheme}, {kinds.total():,} spans: {_some(kinds)}")
        if empty:
            notes.append(f"{empty:,} sequences without a step were left out")
        preprocessing: dict[str, Any] = {"input": level, "scheme": scheme, "counts": dict(usual.tags)}
        preprocessing |= {
            "labels": Vocabulary.of_labels(usual.tags).entries,
            "common": usual.common(),
            "usual": usual.words(),
        }
        subwords, subword_notes = fit_subwords(config, level, words)
        if level == "frames":
            return Preprocessing(preprocessing | frames.preprocessing()), [*notes, frames.note()]
        if level == "words":
            cutting = find_cutting(usual.seen())
            preprocessing["cutting"] = cutting.record()
            notes.append(described(cutting, usual.seen()))
        for name, counts in {"words": words, "characters": characters}.items():
            if name in (level, "characters"):
                preprocessing[name] = Vocabulary.of(counts, min_count=config.min_count).entries
                notes.append(f"{len(preprocessing[name]) - 1:,} {name} in the vocabulary, of {len(counts):,} seen")
        return Preprocessing(preprocessing | subwords), [*notes, *subword_notes]

    @classmethod
    def encode(
        cls, row: Row, config: TagConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Encode the one example of a row; with tags, none if the row has no steps."""
        level = preprocessing.text("input")
        example: dict[str, NDArray[Any]] = {}
        steps: Any
        if level == "frames":
            steps = example["inputs"] = checked_frames(row, features=len(preprocessing.numbers("mean")))
        else:
            steps = tokens_of(row, level, preprocessing.cutting())
            if level == "words" and "text" in row.values:
                known = preprocessing.vocabulary("characters")
                steps = [plain(word, known) for word in steps]
            read = _known(steps, config) if level == "words" else steps
            example["inputs"] = preprocessing.vocabulary(level).encode(read)
            example |= encode_subwords(config, preprocessing, read)
            if level == "words" and config.character_hidden_size:
                example["characters"] = preprocessing.vocabulary("characters").encode("".join(steps))
                example["spelling"] = np.fromiter(map(len, steps), np.int64)
        if labelled:
            if (count := len(steps)) == 0:
                return []
            example["tags"] = _numbers(row, tags_of(row, count), config, preprocessing)
            if level != "frames":
                common, usual = preprocessing.text("common"), preprocessing.mapping("usual", str)
                example["usual"] = preprocessing.vocabulary("labels").encode(usual.get(step, common) for step in steps)
        return [example]

    @classmethod
    def column_kinds(cls, config: TagConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        return column_kinds(config, preprocessing)

    @classmethod
    def labels(cls, row: Row) -> Iterable[str]:
        """Return the row's tags."""
        tags = row.values.get("label" if "frames" in row.values else "tags")
        return () if tags is None else map(str, tags)

    @classmethod
    def make_model(cls, config: TagConfig, vocabulary: Preprocessing, backend: str | None) -> nn.Module:
        """Make a new tagger."""
        return Tagger(config, vocabulary, backend=backend)

    def vectors(self, model: Tagger) -> Tensor | None:
        """Return the embedding of words."""
        return model.input.embedding.weight if self.level == "words" else None  # type: ignore[union-attr]

    def predictions(self, part: Part) -> NDArray[np.int64]:
        """Count one prediction for each step."""
        return part.columns["tags"].lengths

    def logits(self, model: Any, columns: Columns) -> Tensor:
        """Compute the scores of the tags at every step."""
        return model(columns)

    def summed_loss_of(self, model: Any, logits: Tensor, columns: Columns) -> Tensor:
        """Compute the sum of the steps' cross-entropies; with a CRF of -log p of the sequences."""
        return model.losses(logits, columns["tags"]).sum()

    def measure(self, model: Any, part: Part, *, tables: bool = True) -> Report:
        """Compute the F1 of spans if tags mark spans, and accuracy, beside the most frequent tag."""

        def score(columns: Columns) -> list[tuple[float, list[list[int]]]]:
            scores, (true, lengths) = model(columns), columns["tags"]
            rows = [true, model.best(scores, lengths), *([columns["usual"].values] if "usual" in columns else [])]
            kept = [[it[n, :length].tolist() for it in rows] for n, length in enumerate(lengths.tolist())]
            return list(zip(model.losses(scores, columns["tags"]).sum(1).tolist(), kept, strict=True))

        losses, found = zip(*map_batches(part, self.LENGTH, model, score), strict=True)
        true, predicted, *usual = ([np.array(row, np.int64) for row in rows] for rows in zip(*found, strict=True))
        labels, common = self.preprocessing.vocabulary("labels"), self.preprocessing.text("common")
        rivals = {f"always {quoted(common, 20)}": [np.full_like(row, labels.number(common)) for row in true]}
        if usual:
            rivals[f"most frequent tag of each {self.prediction_name}"] = usual[0]
        return tag_report(sum(losses), true, predicted, rivals, labels, self.scheme, tables=tables)

    def predict(self, model: Tagger, columns: Columns) -> list[dict[str, Any]]:
        """Predict the tag of each step, with its probability: the marginal one where there is a CRF."""
        labels, scores, lengths = self.preprocessing.vocabulary("labels"), model(columns), columns["inputs"].lengths
        best = model.best(scores, lengths)
        sure = model.probabilities(scores, lengths).gather(-1, best[..., None])[..., 0].tolist()
        return [
            {"tags": labels.decode(row[:length]), "probabilities": shares[:length]}
            for row, shares, length in zip(best.tolist(), sure, lengths.tolist(), strict=True)
        ]

    def predict_rows(
        self, model: nn.Module, rows: Iterable[Row], *, batch_size: int = 64
    ) -> Iterator[tuple[Row, dict[str, Any]]]:
        """Predict tags for rows; see `tidegate.tasks.tag.answers.answer_for`.

        Raises:
            DataError: a row does not fit; the message begins with its place.
        """
        for row, prediction in super().predict_rows(model, rows, batch_size=batch_size):
            yield row, answer_for(row, prediction, self.level, self.scheme, self.preprocessing.cutting())

    def text(self, prediction: dict[str, Any]) -> str:
        """Format words as ``word/TAG``; characters with the same tag are joined; of frames only the tags."""
        return as_line(prediction, self.level)

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the losses of equal probabilities, and of the tag frequencies of the training part."""
        part = self._training()[0].parts["validation"]
        labels, counts = self.preprocessing.vocabulary("labels"), self.preprocessing.mapping("counts", int, least=1)
        if not len(part):
            return {}, []
        log = np.log(np.array([counts[label] for label in labels.entries], float) / sum(counts.values()))
        true = np.concatenate(part.rows(range(len(part)))["tags"])
        notes = (
            [f"tags of the validation part that training lacks: {n:,}"] if (n := int((true == UNSEEN).sum())) else []
        )
        found, known = {"uniform": float(np.log(len(labels)))}, true[true != UNSEEN]
        return found | ({"tag shares": float(-log[known].mean())} if len(known) else {}), notes


def _numbers(row: Row, tags: list[str], config: TagConfig, preprocessing: Preprocessing) -> NDArray[np.int64]:
    """Return the tags' ids, (L,); `UNSEEN` for tags that the training part lacks, if that is allowed."""
    labels, scheme = preprocessing.vocabulary("labels"), preprocessing.text("scheme")
    for n, tag in enumerate(tags):
        if tag not in labels and (config.unseen == "error" or scheme != PLAIN):
            hint = " Use --unseen wrong to count such tags as wrong." if scheme == PLAIN else ""
            raise DataError(
                f"{step_place(row, n)}: the tag {quoted(tag, 40)} does not occur in the training part, which has: "
                f"{', '.join(labels.entries[:30])}.{hint}"
            )
    wrong = fault(tags, scheme) if config.scheme == "auto" or config.valid_spans else None
    if wrong is not None:
        raise DataError(f"{step_place(row, wrong[0])}: {wrong[1]}, but the training part's tags are {scheme}.")
    return np.fromiter((labels.number(tag) if tag in labels else UNSEEN for tag in tags), np.int64)


def _known(words: list[str], config: TagConfig) -> list[str]:
    return [word.lower() for word in words] if config.lowercase else words


def _some(counts: Counter[str]) -> str:
    some = ", ".join(f"{quoted(name, 30)} {count:,}" for name, count in counts.most_common(8))
    return some + (f", and {len(counts) - 8} more" if len(counts) > 8 else "")
