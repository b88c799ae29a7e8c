"""The tagger: input, recurrent layers, scores of the tags at every step."""

import torch
from torch import Tensor, nn

from tidegate.data.columns import Preprocessing
from tidegate.tasks.example_batches import Columns
from tidegate.tasks.layers import input_layer, recurrent
from tidegate.tasks.tag.character_encoder import CharacterEncoder
from tidegate.tasks.tag.config import TagConfig


class Tagger(nn.Module):
    """Input, recurrent layers, output layer at every step.

    Args:
        config: the model config.
        preprocessing: vocabularies, or the frames' statistics.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: TagConfig, preprocessing: Preprocessing, *, backend: str | None = None) -> None:
        super().__init__()
        self.input, width = input_layer(preprocessing, config.embedding_size, config.word_dropout)
        self.spelling = None
        if preprocessing.text("input") == "words" and config.character_hidden_size:
            own, size = config.character_hidden_size, len(preprocessing.vocabulary("characters"))
            self.spelling = CharacterEncoder(
                size, config.character_embedding_size, own, cell=config.cell, backend=backend
            )
            width += 2 * own
        self.recurrent = recurrent(config, width, bidirectional=config.both_ends, backend=backend)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear((1 + config.both_ends) * config.hidden_size, len(preprocessing.vocabulary("labels")))

    def forward(self, columns: Columns) -> Tensor:
        """The columns of a batch, L steps, to logits (B, L, tags)."""
        values, lengths = columns["inputs"]
        x = self.input(values)
        if self.spelling is not None:
            x = torch.cat([x, self.spelling(columns["characters"], columns["spelling"])], -1)
        output, _ = self.recurrent(self.dropout(x), lengths=lengths)
        return self.output(self.dropout(output))
