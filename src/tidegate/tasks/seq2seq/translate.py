"""Sequence to sequence: a text is read to its end, then another is written.

::

    m_1 .. m_S, z = encoder(x_1 .. x_S),   s_0 = B z + b  for each state of each layer,
    p(y_1 .. y_T) = decoder(y; s_0, m)

z are the encoder's final states, those of both directions where there are two. The decoder, with Luong's attention to
m or without, is `tidegate.tasks.seq2seq.decoder`; its first input is the end of a text, that of the one before.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tidegate.data.column_kinds import ColumnKind
from tidegate.data.columns import Encoded, Part, Preprocessing
from tidegate.data.rows import Row, layout_notes
from tidegate.data.tables.cell_values import named
from tidegate.data.vocabulary import UNKNOWN
from tidegate.data.word_split import TextCounts
from tidegate.errors import ArgumentError
from tidegate.tasks.example_batches import Columns, drawn_part
from tidegate.tasks.layers import TokenInput, recurrent
from tidegate.tasks.seq2seq.decoder import Memory, TokenDecoder
from tidegate.tasks.seq2seq.task import (
    END,
    Beginning,
    TargetCounts,
    WritingConfig,
    WritingTask,
    encode_target,
    encode_text,
    fit_side,
    stored_texts,
    target_kinds,
    text_bytes,
    text_in,
)
from tidegate.tasks.seq2seq.translate_reader import Pair, beside_files, paired, read_parallel
from tidegate.train.hub.pretrained_model import PretrainedModel
from tidegate.train.options import option

TWO_COLUMNS = (
    "give source and target in two columns separated by a tab, in two files with the same number of lines, or in a "
    "table with --source-column and --target-column"
)


@dataclass(frozen=True, repr=False)
class TranslateConfig(WritingConfig):
    """Architecture of a translator, and how its files are read."""

    bidirectional: bool = option(True, "Bidirectional encoder.")
    attention: Literal["general", "dot", "none"] = option(
        "general", "Attention of the decoder (Luong et al. 2015).", advanced=True
    )
    word_dropout: float = option(
        0.0, "Fraction of source tokens replaced by the unknown token in training.", min=0, below=1, advanced=True
    )
    source_level: Literal["auto", "words", "characters"] = option(
        "auto", "Tokenise the source by words or characters.", panel="Data"
    )
    source_column: str | None = option(None, "The column of the source.", panel="Data")
    target_column: str | None = option(None, "The column of the target.", panel="Data")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.attention == "dot" and self.bidirectional:
            raise ArgumentError(
                "attention is 'dot', but a bidirectional encoder's outputs are twice as wide as the decoder's: "
                "choose 'general', or an encoder in one direction."
            )


class Translator(PretrainedModel):
    """Encoder, bridge, decoder.

    Args:
        config: the model config.
        preprocessing: vocabularies.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: TranslateConfig, preprocessing: Preprocessing, *, backend: str | None = None) -> None:
        super().__init__()
        source, target, width = (
            preprocessing.vocabulary("source"),
            preprocessing.vocabulary("target"),
            config.embedding_size,
        )
        self.input = TokenInput(len(source), width, unknown=source.unknown, word_dropout=config.word_dropout)
        self.encoder = recurrent(config, width, bidirectional=config.bidirectional, backend=backend)
        layers, states = config.num_layers, len(self.encoder.cell.states)
        self.bridge = nn.ModuleList(
            nn.Linear(self.encoder.output_size, config.hidden_size) for _ in range(states * layers)
        )
        self.decoder = TokenDecoder(
            recurrent(config, width, backend=backend),
            len(target),
            end=target.number(END),
            never=target.unknown,
            memory=self.encoder.output_size,
            attention=config.attention,
            dropout=config.dropout,
        )
        self.dropout = nn.Dropout(config.dropout)

    def begin(self, columns: Columns) -> Beginning:
        """Read the "source" (B, S): x_1, the decoder's initial states, and the memory of attention."""
        source, lengths = columns["source"]
        output, final = self.encoder(self.dropout(self.input(source)), lengths=lengths)
        finals = (final,) if isinstance(final, Tensor) else final
        layers = self.encoder.num_layers
        states = []
        for n, value in enumerate(finals):
            # (layers * directions, B, H): a layer's directions side by side.
            by_layer = value.unflatten(0, (layers, -1)).transpose(1, 2).flatten(2)
            own = self.bridge[n * layers : (n + 1) * layers]
            states.append(torch.stack([bridge(it) for bridge, it in zip(own, by_layer, strict=True)]))
        assert self.decoder.embedding is not None, "the decoder feeds tokens"
        first = self.decoder.embedding.weight[self.decoder.end].expand(len(source), -1)
        return Beginning(first, states[0] if isinstance(final, Tensor) else tuple(states), Memory(output, lengths))


class TranslateTask(WritingTask):
    """A text for each text (sequence to sequence)."""

    name = "translate"
    look: str | None = "tidegate.lens.tasks.seq2seq:look_translator"
    Config = TranslateConfig
    LENGTH: str = "source"
    METRICS = ("chrF", "BLEU", "exact match")

    @classmethod
    def group_files(cls, paths: Sequence[Path]) -> Sequence[Path | Pair]:
        """Pair two files of plain text."""
        return paired(paths)

    @classmethod
    def remarks(cls, path: Path | Pair, config: Any) -> Sequence[str]:
        """Name the folders in a folder of files, and say how unusual tables are read."""
        beside = beside_files(path)
        notes = layout_notes(path, config.delimiter) if isinstance(path, Path) else []
        return notes + ([f"left alone beside the files in {path}: the folders {named(beside)}"] if beside else [])

    @classmethod
    def read(cls, path: Path | Pair, config: TranslateConfig) -> Iterator[Row]:
        """Read two aligned files, lines with a tab, or tables."""
        return read_parallel(path, config.source_column, config.target_column, config.delimiter)

    @classmethod
    def split(cls, rows: Iterable[Row], shares: Sequence[float], seed: int) -> Iterator[tuple[str, Row]]:
        """Assign each source to a part, with all its translations, so that held-out sources are new."""
        for row in rows:
            yield drawn_part(row.values.get("source", "").strip().encode(), shares, seed), row

    @classmethod
    def split_kind(cls, shares: Sequence[float]) -> str:
        """Describe how `split` splits."""
        return super().split_kind(shares) + " of the sources"

    @classmethod
    def fit(cls, rows: Iterable[Row], config: TranslateConfig) -> tuple[Preprocessing, list[str]]:
        """Fit the vocabulary of each side, the longest target and the most frequent one."""
        sources, targets = TextCounts(), TargetCounts()
        for row in rows:
            sources.add(text_in(row, "source", TWO_COLUMNS))
            targets.add(text_in(row, "target", row.values.get("untargeted", TWO_COLUMNS)))
        preprocessing, note = fit_side("source", sources, config.source_level, config.min_count, (UNKNOWN,))
        more, notes = targets.preprocessing(config)
        return Preprocessing(preprocessing | more), [note, *notes]

    @classmethod
    def encode(
        cls, row: Row, config: TranslateConfig, preprocessing: Preprocessing, *, labelled: bool = True
    ) -> Iterable[Encoded]:
        """Encode the one example of a row."""
        source = text_in(row, "source", TWO_COLUMNS)
        example = {"source": encode_text(source, preprocessing, "source")}
        if labelled:
            target = text_in(row, "target", row.values.get("untargeted", TWO_COLUMNS))
            example |= {"original": text_bytes(source), **encode_target(target, preprocessing)}
        return [example]

    @classmethod
    def column_kinds(cls, config: TranslateConfig, preprocessing: Preprocessing, part: str) -> Mapping[str, ColumnKind]:
        """Return what the columns hold."""
        source = ColumnKind("i8", below=len(preprocessing.vocabulary("source")), shortest=1)
        return {"source": source, "original": ColumnKind("u1"), **target_kinds(preprocessing)}

    def blank_prediction(self, row: Row) -> dict[str, Any] | None:
        """Return an empty text for an empty source."""
        return None if row.values.get("source", "").strip() else {"text": "", "score": None}

    @classmethod
    def make_model(cls, config: TranslateConfig, vocabulary: Preprocessing, backend: str | None) -> Translator:
        """Make a new translator."""
        return Translator(config, vocabulary, backend=backend)

    def without_model(self, part: Part) -> Mapping[str, Sequence[str]]:
        """Return copies of the sources."""
        return {"copying the source": stored_texts(part, "original")}
