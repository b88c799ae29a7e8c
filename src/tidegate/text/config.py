"""Settings of a language model, of its corpus and of the samples written during training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.train.options import check, option

TokenizerKind = Literal["characters", "bytes", "bpe", "words"]


@dataclass(frozen=True)
class LanguageModelConfig:
    """Architecture of a language model.

    Attributes:
        vocabulary_size: V, the number of tokens. Default: that of the corpus, filled in when training begins.
        cell: name of the recurrent cell.
        hidden_size: H, hidden units per layer.
        num_layers: stacked recurrent layers.
        embedding_size: E, length of a token's vector. Default: one-hot input.
        dropout: dropout of the embedding, between layers and before the output layer (Zaremba et al. 2014: never on
            the way from step to step).
        tie_weights: share the embedding's weights with the output layer (Press & Wolf 2017); needs E = H.
        init: initial values as in torch or as in Keras.
        forget_bias: initial bias of the forget gate. Default: as `init` says.

    Raises:
        ArgumentError: a value is out of range.
        CellError: no cell has that name.
    """

    vocabulary_size: int | None = None
    cell: str = option("lstm", "The recurrent cell, see tidegate cells; or my_cells.py:NAME.")
    hidden_size: int = option(256, "Hidden units per layer.", min=1)
    num_layers: int = option(1, "Recurrent layers.", flag="layers", min=1)
    embedding_size: int | None = option(None, "Learned input vectors of this size instead of one-hot input.", min=1)
    dropout: float = option(0.0, "Dropout between layers and before the output.", min=0, below=1)
    tie_weights: bool = option(False, "Use the embedding as output layer (needs --embedding-size = --hidden-size).")
    init: Literal["torch", "keras"] = option("torch", "Weight initialisation scheme.")
    forget_bias: float | None = option(None, "Initial bias of the forget gate.")

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        from tidegate.cells import get_cell  # which imports torch

        get_cell(self.cell)
        check(self)
        if self.vocabulary_size is not None and self.vocabulary_size < 1:
            raise ArgumentError(f"vocabulary_size is {self.vocabulary_size}, but must be at least 1.")
        if self.tie_weights and self.embedding_size != self.hidden_size:
            raise ArgumentError(
                f"tie_weights needs embedding_size equal to hidden_size, but they are {self.embedding_size} and "
                f"{self.hidden_size}: set embedding_size={self.hidden_size}."
            )


@dataclass(frozen=True)
class CorpusConfig:
    """How text is read and split; see `tidegate.text.prepare_corpus`.

    Raises:
        ArgumentError: a value is out of range.
    """

    tokenizer: TokenizerKind = option("characters", "What a token is.", panel="Data")
    pattern: str = option("*", "Which files of a folder to read.", panel="Data")
    validation: list[Path] | None = option(None, "Validation text; may be given again.", panel="Data")
    test: list[Path] | None = option(None, "Test text; may be given again.", panel="Data")
    normalize: Literal["NFC"] | None = option(None, "Compose characters first (Hangul, accents).", panel="Data")
    word_pattern: str | None = option(
        None,
        r"Words are what matches this, such as '\w+|[^\w\s]'.",
        panel="Data",
        unset="what stands between blanks",
    )
    lowercase: bool = option(False, "Read words in lower case.", panel="Data")
    end_of_line: bool = option(
        True, "With words: the end of a line is a token, <eos>, which counts.", panel="Data", flag="eos"
    )
    unknown: Literal["error", "replace", "drop"] | None = option(
        None,
        "What to do with characters or words outside the vocabulary, now and in prompts.",
        panel="Data",
        unset="error; with words, replace by <unk>, which counts",
    )
    min_count: int = option(1, "Characters or words rarer than this are unknown.", panel="Data", min=1)
    vocabulary_size: int | None = option(
        None, "Tokens to learn (bpe), or most frequent words to know.", panel="Data", unset="4,096; all words", min=1
    )
    splits: str = option(
        "90/5/5",
        "Training/validation/test, contiguous, where --validation is not given; or none: validate on the training "
        "text.",
        panel="Data",
    )
    limit: int | None = option(None, "Use only the first N characters (of DATA).", panel="Data", min=1)

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class SampleConfig:
    """The sample that is written at each validation.

    Attributes:
        sample_length: number of tokens; 0: no samples.
        prompt: the text to continue.
    """

    sample_length: int = option(300, "Tokens to write at each validation; 0: no samples.", panel="Output", min=0)
    prompt: str = ""

    __repr__ = brief_repr
