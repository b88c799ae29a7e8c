"""The input layer of classifiers and taggers: frames, characters or words, by choice with the words' n-grams.

x(word) = e(word) + 1/sqrt(n) * sum of v(g) over the n n-grams g of <word>

so that the size of the sum does not depend on n. Words outside the vocabulary have n-grams, too, and share one e: that
of the unknown word.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tidegate.data.buckets import Padded
from tidegate.data.columns import Preprocessing
from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.subwords import Subwords
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.layers import FrameInput, TokenInput, mask
from tidegate.tasks.subword_options import COUNTS, NGRAMS


def subword_columns(columns: Columns) -> tuple[Padded, ...]:
    """Return what `SubwordInput` needs besides the tokens; nothing for other inputs."""
    return (columns[NGRAMS], columns[COUNTS]) if NGRAMS in columns else ()


class SubwordInput(TokenInput):
    """Embedding of words to which the vectors of their n-grams are added (Bojanowski et al. 2017).

    Args:
        words: the vocabulary of words.
        width: E, the size of the embedding.
        subwords: the n-grams.
        word_dropout: fraction of words whose own vector is replaced by that of the unknown word in training.
        subword_dropout: fraction of a word's n-grams that are left out in training; the others count for more.
    """

    ngrams: Tensor
    counts: Tensor

    def __init__(
        self, words: Vocabulary, width: int, subwords: Subwords, *, word_dropout: float, subword_dropout: float
    ) -> None:
        super().__init__(len(words), width, unknown=words.unknown, word_dropout=word_dropout)
        self.subwords = nn.Embedding(len(subwords), width)
        nn.init.normal_(self.subwords.weight, std=0.1)
        self.subword_dropout = subword_dropout
        ngrams, counts = subwords.ragged([None if n == words.unknown else it for n, it in enumerate(words.entries)])
        # Not saved with the model: they follow from the preprocessing.
        self.register_buffer("ngrams", torch.tensor(ngrams), persistent=False)
        self.register_buffer("counts", torch.tensor(counts), persistent=False)

    def forward(self, tokens: Tensor, *subwords: Padded) -> Tensor:
        """Embed words.

        Args:
            tokens: (B, L) int64.
            subwords: (B, G), n-grams of the words outside the vocabulary; and (B, L), how many of them each word has,
                0 for those in the vocabulary.

        Returns:
            (B, L, E).
        """
        (given, lengths), (counts, _) = subwords
        distinct, which = tokens.unique(return_inverse=True)
        ngrams, known = self._ngrams_of(distinct)
        # Both kinds of words at once, so that the gradient of all n-grams' vectors is made once.
        sums = self._sums(
            torch.cat([ngrams, given[mask(lengths, given.shape[1])]]), torch.cat([known, counts.flatten()])
        )
        x = super().forward(tokens) + functional.embedding(which, sums[: len(known)])
        return x + sums[len(known) :].view_as(x)

    def _ngrams_of(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """(W,) words of the vocabulary to their n-grams in a row, and how many each has."""
        counts = self.counts[tokens]
        start = (self.counts.cumsum(0) - self.counts)[tokens]
        shift = (start - counts.cumsum(0) + counts).repeat_interleave(counts)
        return self.ngrams[shift + torch.arange(len(shift), device=shift.device)], counts

    def _sums(self, ngrams: Tensor, counts: Tensor) -> Tensor:
        """N-grams of W words in a row, and how many each has (W,), to sums of their vectors over the root (W, E)."""
        if self.training and self.subword_dropout:
            lost = torch.rand(ngrams.shape, device=ngrams.device) < self.subword_dropout
            ngrams = ngrams.masked_fill(lost, 0)  # which is no n-gram, and not counted
        starts = counts.cumsum(0) - counts
        means = functional.embedding_bag(ngrams, self.subwords.weight, starts, mode="mean", padding_idx=0)
        return means * counts.to(means.dtype).sqrt()[:, None]


def input_layer(
    preprocessing: Preprocessing,
    width: int,
    word_dropout: float,
    *,
    subwords: Subwords | None,
    subword_dropout: float,
    frozen: bool,
) -> tuple[TokenInput | FrameInput, int]:
    """Make the input layer for ``preprocessing["input"]``; return it with its output size.

    Args:
        preprocessing: "input" is "frames", or the name of the vocabulary, such as "words".
        width: E, the size of the embedding of words or characters.
        word_dropout: fraction of words replaced by the unknown word; characters are not replaced.
        subwords: n-grams whose vectors are added to those of words; None: none.
        subword_dropout: fraction of them left out in training.
        frozen: whether the embedding of words or characters is not trained.
    """
    level = preprocessing.text("input")
    if level == "frames":
        mean = preprocessing.numbers("mean")
        return FrameInput(mean, preprocessing.numbers("deviation")), len(mean)
    tokens = preprocessing.vocabulary(level)
    if subwords is not None:
        layer = SubwordInput(tokens, width, subwords, word_dropout=word_dropout, subword_dropout=subword_dropout)
    else:
        lost = word_dropout if level == "words" else 0.0
        layer = TokenInput(len(tokens), width, unknown=tokens.unknown, word_dropout=lost)
    layer.embedding.weight.requires_grad_(not frozen)
    return layer, width
