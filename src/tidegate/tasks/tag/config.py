"""Settings of a tagger."""

from dataclasses import dataclass
from typing import Literal

from tidegate.errors import ArgumentError
from tidegate.tasks.r_drop import RDropConfig
from tidegate.tasks.subword_options import SubwordConfig
from tidegate.train.options import option


@dataclass(frozen=True, repr=False)
class TagConfig(SubwordConfig, RDropConfig):
    """Architecture of a tagger, and how its files are read.

    Raises:
        ArgumentError: a value is out of range, or R-Drop is chosen with a CRF.
    """

    bidirectional: bool = option(True, "Bidirectional layers, unless --online.")
    online: bool = option(False, "No look-ahead: a tag depends on earlier steps only.")
    embedding_size: int = option(100, "Size of the embedding of words or characters.", min=1)
    freeze_vectors: bool = option(False, "Keep pretrained word vectors as they are.", absent=False, advanced=True)
    character_embedding_size: int = option(25, "Size of the embedding of a word's characters.", min=1, advanced=True)
    character_hidden_size: int = option(
        50, "Hidden units of the character encoder, per direction; 0: none.", min=0, advanced=True
    )
    crf: bool = option(False, "A conditional random field over the tags of a sequence.", absent=False)
    valid_spans: bool = option(
        False,
        "Predict only sequences of tags that their scheme allows, such as no I after O in BIO.",
        absent=False,
        advanced=True,
    )
    recall_margin: float = option(
        0.0,
        "Margin of spans against O in training, in nats: finds more spans, and more wrong ones.",
        absent=0.0,
        min=0,
        advanced=True,
    )
    lowercase: bool = option(
        True, "Convert words to lower case; the character encoder sees them unchanged.", panel="Data"
    )
    min_count: int = option(2, "Words and characters rarer than this are unknown.", panel="Data", min=1)
    token_column: str | None = option(None, "The column of the words: a number (CoNLL) or a name.", panel="Data")
    tag_column: str | None = option(None, "The column of the tags: a number (CoNLL; the last) or a name.", panel="Data")
    conllu_field: Literal["upos", "xpos", "feats", "deprel", "lemma"] = option(
        "upos", "The field of CoNLL-U to use as tag.", panel="Data", advanced=True
    )
    scheme: Literal["auto", "plain", "IOB1", "BIO", "BIOES"] = option(
        "auto", "Tagging scheme of spans; auto: detect it; plain: no spans.", panel="Data", advanced=True
    )

    unseen: Literal["error", "wrong"] = option(
        "error", "Tags that the training part lacks: an error, or counted as wrong.", panel="Data"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.r_drop and self.crf:
            raise ArgumentError(
                f"r_drop is {self.r_drop}, but crf is chosen, too: R-Drop compares the probabilities of single tags, "
                "and a CRF trains on those of sequences. Leave one out."
            )

    @property
    def both_ends(self) -> bool:
        """Whether the layers are bidirectional."""
        return self.bidirectional and not self.online
