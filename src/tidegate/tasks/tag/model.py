"""The tagger: input, recurrent layers, scores of the tags at every step."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tidegate.data.buckets import Padded
from tidegate.data.columns import Preprocessing
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.input_layer import input_layer, subword_columns
from tidegate.tasks.layers import mask, recurrent
from tidegate.tasks.subword_options import subwords_of
from tidegate.tasks.tag.character_encoder import CharacterEncoder
from tidegate.tasks.tag.config import TagConfig
from tidegate.tasks.tag.crf import ConditionalRandomField
from tidegate.tasks.tag.scores import UNSEEN
from tidegate.train.hub.pretrained_model import PretrainedModel


class Tagger(PretrainedModel):
    """Input, recurrent layers, output layer at every step.

    Args:
        config: the model config.
        preprocessing: vocabularies, or the frames' statistics.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: TagConfig, preprocessing: Preprocessing, *, backend: str | None = None) -> None:
        super().__init__()
        self.input, width = input_layer(
            preprocessing,
            config.embedding_size,
            config.word_dropout,
            subwords=subwords_of(config, preprocessing),
            subword_dropout=config.subword_dropout,
            frozen=config.freeze_vectors,
        )
        self.spelling = None
        if preprocessing.text("input") == "words" and config.character_hidden_size:
            own, size = config.character_hidden_size, len(preprocessing.vocabulary("characters"))
            self.spelling = CharacterEncoder(
                size, config.character_embedding_size, own, cell=config.cell, backend=backend
            )
            width += 2 * own
        self.recurrent = recurrent(config, width, bidirectional=config.both_ends, backend=backend)
        self.dropout = nn.Dropout(config.dropout)
        labels, scheme = preprocessing.vocabulary("labels").entries, preprocessing.text("scheme")
        self.output = nn.Linear((1 + config.both_ends) * config.hidden_size, len(labels))
        self.crf = None
        if config.crf or config.valid_spans:
            self.crf = ConditionalRandomField(labels, scheme if config.valid_spans else None, learned=config.crf)
        self.learns_transitions = config.crf
        self.recall_margin, self.outside = config.recall_margin, labels.index("O") if "O" in labels else None

    def forward(self, columns: Columns) -> Tensor:
        """The columns of a batch, L steps, to scores of the tags (B, L, tags): logits unless there is a CRF."""
        values, lengths = columns["inputs"]
        x = self.input(values, *subword_columns(columns))
        if self.spelling is not None:
            x = torch.cat([x, self.spelling(columns["characters"], columns["spelling"])], -1)
        output, _ = self.recurrent(self.dropout(x), lengths=lengths)
        return self.output(self.dropout(output))

    def losses(self, scores: Tensor, tags: Padded) -> Tensor:
        """Compute -log p of the tags: (B, L), zero past an example's end; with a CRF (B, 1), of whole sequences.

        In training O has a higher score, by the margin, where it would miss a part of a span: the recall-oriented
        softmax-margin loss (Gimpel & Smith 2010, Mohit et al. 2012).
        """
        true, lengths = tags
        if self.training and self.recall_margin and self.outside is not None:
            margin = torch.zeros_like(scores)
            margin[..., self.outside] = self.recall_margin * (true != self.outside)
            scores = scores + margin
        if self.crf is not None and self.learns_transitions:
            return -self.crf.log_likelihood(scores, true, lengths)[:, None]
        losses = functional.cross_entropy(scores.transpose(1, 2), true, ignore_index=UNSEEN, reduction="none")
        return losses.masked_fill(~mask(lengths, true.shape[1]), 0)

    def best(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the likeliest tags (B, L): of each step, or with a CRF or valid spans the likeliest sequence."""
        return scores.argmax(-1) if self.crf is None else self.crf.best(self._logs(scores), lengths)

    def probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the probability of each tag at each step (B, L, tags): marginals where there is a CRF."""
        return scores.softmax(-1) if self.crf is None else self.crf.marginals(self._logs(scores), lengths)

    def log_probabilities(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the logarithms of `probabilities`, which can be differentiated."""
        return scores.log_softmax(-1) if self.crf is None else self.crf.log_marginals(self._logs(scores), lengths)

    def _logs(self, scores: Tensor) -> Tensor:
        return scores if self.learns_transitions else scores.log_softmax(-1)
