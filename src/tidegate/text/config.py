"""Settings of a language model, of its corpus and of the samples written during training."""

import itertools
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.io.wording import quoted
from tidegate.train.options import check, check_heads, option

TokenizerKind = Literal["characters", "bytes", "bpe", "words"]


@dataclass(frozen=True)
class LanguageModelConfig:
    """Architecture of a language model.

    Attributes:
        vocabulary_size: V, the number of tokens. Default: that of the corpus, filled in when training begins.
        cell: name of the recurrent cell.
        hidden_size: H, hidden units per layer.
        num_layers: stacked recurrent layers.
        layer_sizes: hidden units of each layer if they differ, such as "1150,1150,400"; `hidden_size` is then the
            largest and `num_layers` their number.
        heads: groups of hidden units that recurrent products stay within (Beck et al. 2024).
        embedding_size: E, length of a token's vector. Default: one-hot input; of words, the last layer's size.
        dropout: dropout of the embedding, between layers and before the output layer (Zaremba et al. 2014: never on
            the way from step to step).
        input_dropout: dropout of the embedding. Default: `dropout`.
        output_dropout: dropout before the output layer. Default: `dropout`.
        locked_dropout: whether these three have one mask for all steps of a window (Gal & Ghahramani 2016).
        recurrent_dropout: dropout of h in the recurrent products, one mask for all steps of a window (Gal & Ghahramani
            2016).
        embedding_dropout: share of the vocabulary whose vectors are zero in a window (Gal & Ghahramani 2016).
        weight_dropout: share of the recurrent weights that is zero in a window (Merity et al. 2018).
        activation_regularization: weight of the mean square of the last layer's output after dropout (AR, Merity et
            al. 2017).
        temporal_regularization: weight of the mean square of its change from step to step, before dropout (TAR).
        tie_weights: share the embedding's weights with the output layer (Press & Wolf 2017); needs E to be the last
            layer's size.
        adaptive_softmax: where the clusters of rarer words begin, such as "2000,10000" (Grave et al. 2017). Default:
            all words in one softmax.
        init: initial values as in torch or as in Keras; or "uniform" in ±`init_range`, of all parameters.
        init_range: with another `init`: embedding and output layer are uniform in ±`init_range`, the output layer's
            bias 0. Default: as torch.
        forget_bias: initial bias of the forget gate. Default: as `init` says.

    Raises:
        ArgumentError: a value is out of range.
        CellError: no cell has that name.
    """

    vocabulary_size: int | None = None
    cell: str = option("lstm", "The recurrent cell, see tidegate cells; or my_cells.py:NAME.", value="NAME")
    hidden_size: int = option(256, "Hidden units per layer.", min=1)
    num_layers: int = option(1, "Recurrent layers.", flag="layers", min=1)
    layer_sizes: str | None = option(
        None,
        "Hidden units of each layer, instead of --hidden-size and --layers: 1150,1150,400.",
        absent=None,
        advanced=True,
    )
    heads: int = option(
        1, "Groups of hidden units that recurrent products stay within.", absent=1, min=1, advanced=True
    )
    embedding_size: int | None = option(
        None, "Learned input vectors of this size.", unset="one-hot input; of words, the last layer's size", min=1
    )
    dropout: float = option(0.0, "Dropout of embedding, between layers and before the output.", min=0, below=1)
    input_dropout: float | None = option(
        None, "Dropout of the embedding.", unset="--dropout", absent=None, min=0, below=1, advanced=True
    )
    output_dropout: float | None = option(
        None, "Dropout before the output.", unset="--dropout", absent=None, min=0, below=1, advanced=True
    )
    locked_dropout: bool = option(False, "One dropout mask for all steps of a window.", absent=False, advanced=True)
    recurrent_dropout: float = option(
        0.0,
        "Dropout in the recurrent products, one mask for all steps of a window.",
        absent=0.0,
        min=0,
        below=1,
        advanced=True,
    )
    embedding_dropout: float = option(
        0.0, "Share of the vocabulary without a vector in a window.", absent=0.0, min=0, below=1, advanced=True
    )
    weight_dropout: float = option(
        0.0, "Share of the recurrent weights that is zero in a window.", absent=0.0, min=0, below=1, advanced=True
    )
    activation_regularization: float = option(
        0.0, "Penalty on large outputs (AR).", flag="ar", absent=0.0, min=0, advanced=True
    )
    temporal_regularization: float = option(
        0.0, "Penalty on outputs that change from step to step (TAR).", flag="tar", absent=0.0, min=0, advanced=True
    )
    tie_weights: bool = option(
        False, "Use the embedding as output layer (needs --embedding-size = the last layer's size)."
    )
    adaptive_softmax: str | None = option(
        None, "Predict rarer words in clusters, which begin at these ids: 2000,10000.", absent=None, advanced=True
    )
    init: Literal["torch", "keras", "uniform"] = option("torch", "Weight initialisation scheme.", advanced=True)
    init_range: float | None = option(
        None,
        "Initial values of embedding and output are uniform in +-R; with --init uniform, all.",
        absent=None,
        above=0,
        advanced=True,
    )
    forget_bias: float | None = option(None, "Initial bias of the forget gate.", advanced=True)

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        from tidegate.cells import get_cell  # which imports torch

        get_cell(self.cell)
        check(self)
        if self.vocabulary_size is not None and self.vocabulary_size < 1:
            raise ArgumentError(f"vocabulary_size is {self.vocabulary_size}, but must be at least 1.")
        if self.layer_sizes is not None:
            self._take_sizes(self.layer_sizes)
        sizes = [self.hidden_size] if self.layer_sizes is None else self.sizes  # not one for each of a billion layers
        check_heads(self.cell, self.heads, sizes)
        last, name = sizes[-1], "hidden_size" if self.layer_sizes is None else "the last of layer_sizes"
        if self.tie_weights and self.embedding_size != last:
            raise ArgumentError(
                f"tie_weights needs embedding_size equal to {name}, but they are {self.embedding_size} and {last}: set "
                f"embedding_size={last}."
            )
        self._check_parts()

    @property
    def sizes(self) -> list[int]:
        """The hidden units of each layer."""
        if self.layer_sizes is None:
            return [self.hidden_size] * self.num_layers
        return [int(it) for it in self.layer_sizes.split(",")]

    def _take_sizes(self, text: str) -> None:
        if not all(it.isascii() and it.isdigit() and len(it) < 10 and int(it) for it in text.split(",")):
            raise ArgumentError(
                f"layer_sizes is {quoted(text)}, but must be whole numbers above 0 such as 1150,1150,400."
            )
        defaults = {it.name: it.default for it in fields(self)}
        for name, value in (("hidden_size", max(self.sizes)), ("num_layers", len(self.sizes))):
            given = getattr(self, name)
            if given not in (value, defaults[name]):
                raise ArgumentError(
                    f"{name} is {given}, but with layer_sizes={text!r} it is {value}: leave {name} out."
                )
            object.__setattr__(self, name, value)

    @property
    def cutoffs(self) -> list[int]:
        """The first token of each cluster of the adaptive softmax; empty without one."""
        return [] if self.adaptive_softmax is None else [int(it) for it in self.adaptive_softmax.split(",")]

    @property
    def locked(self) -> str:
        """The name of a setting that keeps one mask for all steps of a window; empty if there is none."""
        names = ("locked_dropout", "recurrent_dropout", "embedding_dropout", "weight_dropout")
        return next((name for name in names if getattr(self, name)), "")

    def _check_parts(self) -> None:
        if self.init == "uniform" and (self.init_range is None or self.forget_bias is not None):
            raise ArgumentError(
                f"init='uniform' needs init_range and no forget_bias, but they are {self.init_range} and "
                f"{self.forget_bias}."
            )
        if self.embedding_size is None and (self.embedding_dropout or self.input_dropout):
            raise ArgumentError(
                f"embedding_dropout and input_dropout are {self.embedding_dropout} and {self.input_dropout}, but there "
                "is no embedding: give embedding_size."
            )
        if self.adaptive_softmax is not None:
            self._check_cutoffs(self.adaptive_softmax)

    def _check_cutoffs(self, text: str) -> None:
        parts = text.split(",")
        most = self.vocabulary_size or 2**63
        if len(parts) > 8 or not all(it.isascii() and it.isdigit() and len(it) < 19 for it in parts):
            raise ArgumentError(
                f"adaptive_softmax is {quoted(text)}, but must be 1 to 8 whole numbers such as 2000,10000."
            )
        ends = [0, *map(int, parts), most]
        if any(one >= other for one, other in itertools.pairwise(ends)):
            raise ArgumentError(
                f"adaptive_softmax is {text!r}, but must be increasing numbers above 0 and below the vocabulary size"
                + (f" of {self.vocabulary_size}." if self.vocabulary_size else ".")
            )
        if self.sizes[-1] < 4 ** len(parts):
            raise ArgumentError(
                f"adaptive_softmax has {len(parts)} clusters, each with a quarter of the features of the one before, "
                f"but the last layer has {self.sizes[-1]} hidden units: at least {4 ** len(parts)} are needed."
            )
        if self.tie_weights:
            raise ArgumentError("tie_weights and adaptive_softmax exclude each other: leave one out.")


@dataclass(frozen=True)
class CorpusConfig:
    """How text is read and split; see `tidegate.text.prepare_corpus`.

    Raises:
        ArgumentError: a value is out of range.
    """

    tokenizer: TokenizerKind = option("characters", "What a token is.", panel="Data")
    pattern: str = option("*", "Which files of a folder to read.", panel="Data", advanced=True)
    validation: list[Path] | None = option(None, "Validation text; may be given again.", panel="Data")
    test: list[Path] | None = option(None, "Test text; may be given again.", panel="Data")
    normalize: Literal["NFC"] | None = option(
        None, "Compose characters first (Hangul, accents).", panel="Data", advanced=True
    )
    word_pattern: str | None = option(
        None,
        r"Words are what matches this, such as '\w+|[^\w\s]'.",
        panel="Data",
        unset="what stands between blanks",
        advanced=True,
    )
    lowercase: bool = option(False, "Read words in lower case.", panel="Data", advanced=True)
    end_of_line: bool = option(
        True, "With words: the end of a line is a token, <eos>, which counts.", panel="Data", flag="eos", advanced=True
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
    limit: int | None = option(None, "Use only the first N characters (of DATA).", panel="Data", min=1, advanced=True)

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
