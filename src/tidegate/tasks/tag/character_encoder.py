"""The character encoder: a vector for each word from its characters, also for unknown words.

h_1 .. h_n = recurrent(e(c_1) .. e(c_n)) in both directions,  s(word) = [final state forward; final state backward]
"""

import torch
from torch import Tensor, nn

from tidegate.data.buckets import Padded
from tidegate.nn import Recurrent
from tidegate.tasks.layers import TokenInput


class CharacterEncoder(nn.Module):
    """A vector for each word from its characters (Ling et al. 2015, Lample et al. 2016).

    Args:
        size: number of characters in the vocabulary.
        width: size of a character's embedding.
        hidden_size: H, hidden units per direction; a word's vector has 2H numbers.
        cell: the recurrent cell.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, size: int, width: int, hidden_size: int, *, cell: str, backend: str | None = None) -> None:
        super().__init__()
        self.input = TokenInput(size, width)
        self.recurrent = Recurrent(cell, width, hidden_size, batch_first=True, bidirectional=True, backend=backend)

    def forward(self, characters: Padded, counts: Padded) -> Tensor:
        """(B, C) characters of all words of a sentence in a row, and (B, L) how many each word has, to (B, L, 2H).

        Each word that occurs in the batch is run once, however often it occurs: all in one batch with their lengths.
        """
        spelled = _words(characters.values, counts.values)
        distinct, which = torch.unique(spelled.flatten(0, 1), dim=0, return_inverse=True)
        _, final = self.recurrent(self.input(distinct.clamp_min(0)), lengths=(distinct >= 0).sum(1))
        state = final[0] if isinstance(final, tuple) else final
        return nn.functional.embedding(which.view(counts.values.shape), torch.cat(list(state), -1))


def _words(characters: Tensor, counts: Tensor) -> Tensor:
    """(B, C), (B, L) to (B, L, longest word), -1 past a word's end: no character, so that no two words are the same."""
    position = torch.arange(max(1, int(counts.max())), device=counts.device)  # a batch may hold no word at all
    start = counts.cumsum(1) - counts
    at = (start[..., None] + position).clamp_max(characters.shape[1] - 1)
    found = characters.gather(1, at.flatten(1)).view(at.shape)
    return found.masked_fill(position >= counts[..., None], -1)
