"""The decoder of sequence-to-sequence models, with or without attention.

::

    s_1 .. s_T = recurrent(x_1 .. x_T; s_0),   x_1 given,   x_t = E y_{t-1},   p(y_t) = softmax(W a_t + b)

with a_t = s_t, or, with attention to a memory m_1 .. m_S (Luong, Pham & Manning 2015, global attention)::

    w_tj = softmax_j(score(s_t, m_j)),   c_t = sum_j w_tj m_j,   a_t = tanh(W_c [c_t; s_t])

    score(s, m) = s . m  (dot),  or  s . W_a m  (general)

The attention output is not fed to the next step. So with teacher forcing the recurrent layers run over the whole text
at once, and attention over all its steps.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from tidegate.nn import Recurrent
from tidegate.tasks.layers import each_state, mask
from tidegate.text.feeding import predict
from tidegate.train.config import Feeding

Attention = Literal["general", "dot", "none"]
State = Tensor | tuple[Tensor, ...]


class Memory(NamedTuple):
    """The memory of attention.

    Attributes:
        values: (B, S, D).
        lengths: (B,), the number of valid steps.
    """

    values: Tensor
    lengths: Tensor


class LuongAttention(nn.Module):
    """Attention of each step over a memory (Luong et al. 2015).

    Args:
        width: H, the size of the steps.
        memory: D, the size of the memory; for "dot" it must be H.
        kind: "general" or "dot".
    """

    def __init__(self, width: int, memory: int, kind: Attention) -> None:
        super().__init__()
        self.query = nn.Linear(width, memory, bias=False) if kind == "general" else nn.Identity()
        self.mix = nn.Linear(memory + width, width, bias=False)

    def forward(self, steps: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        """Steps (B, T, H) to (B, T, H) and the weights (B, T, S), which are 0 past the memory's lengths."""
        outside = ~mask(memory.lengths, memory.values.shape[1])[:, None]
        score = self.query(steps) @ memory.values.transpose(1, 2)
        weights = score.masked_fill(outside, torch.finfo(score.dtype).min).softmax(-1)
        seen = weights @ memory.values
        return torch.tanh(self.mix(torch.cat([seen, steps], -1))), weights


class TokenDecoder(nn.Module):
    """Recurrent layers, attention and output layer.

    Args:
        recurrent: unidirectional layers, batch first.
        size: V, the size of the vocabulary.
        end: the token that ends a text.
        never: a token that is never predicted, such as the unknown one.
        memory: D, the size of the memory of attention.
        attention: kind of attention; "none": without.
        dropout: dropout before and after the layers.
        feeds: whether the previous token is the next input; otherwise it is zero.
    """

    def __init__(
        self,
        recurrent: Recurrent,
        size: int,
        *,
        end: int,
        never: int | None = None,
        memory: int = 0,
        attention: Attention = "none",
        dropout: float = 0.0,
        feeds: bool = True,
    ) -> None:
        super().__init__()
        width = recurrent.hidden_size
        self.recurrent, self.end, self.never = recurrent, end, never
        self.embedding = nn.Embedding(size, recurrent.input_size) if feeds else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=0.1)
        self.attention = None if attention == "none" else LuongAttention(width, memory, attention)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, size)

    def inputs(self, first: Tensor, tokens: Tensor) -> Tensor:
        """Compute the inputs of all steps (B, T, E) from x_1 (B, E) and the target tokens (B, T)."""
        if self.embedding is None:
            later = first.new_zeros(len(first), tokens.shape[1] - 1, first.shape[1])
        else:
            later = self.embedding(tokens[:, :-1])
        return torch.cat([first[:, None], later], 1)

    def features(self, inputs: Tensor, state: State | None, memory: Memory | None) -> tuple[Tensor, State]:
        """Compute the inputs of the output layer (B, T, H) and the final state from inputs (B, T, E)."""
        steps, after = self.recurrent(self.dropout(inputs), state)
        if self.attention is not None:
            assert memory is not None, "attention needs a memory"
            steps, _ = self.attention(steps, memory)
        return self.dropout(steps), after

    def losses(
        self,
        first: Tensor,
        tokens: Tensor,
        lengths: Tensor,
        state: State | None = None,
        memory: Memory | None = None,
        *,
        feeding: Feeding = "teacher",
        sampling_probability: float = 0.0,
    ) -> Tensor:
        """Compute -log p of each token of some texts, given those before it.

        Args:
            first: x_1, (B, E).
            tokens: (B, T), the texts, each with its end.
            lengths: (B,).
            state: s_0. Default: zeros.
            memory: the memory of attention.
            feeding: teacher, greedy or sampled. With the last two each step of each text is fed, with probability
                ``sampling_probability``, the model's own prediction (scheduled sampling, Bengio et al. 2015). The
                steps are then computed one by one.
            sampling_probability: see there. Draws come from torch's global generators.

        Returns:
            (B, T), zeros past the lengths.
        """
        if feeding == "teacher" or sampling_probability == 0 or self.embedding is None:
            features, _ = self.features(self.inputs(first, tokens), state, memory)
        else:
            features = self._fed(first, tokens, state, memory, feeding, sampling_probability)
        valid = mask(lengths, tokens.shape[1])
        losses = features.new_zeros(tokens.shape)
        losses[valid] = functional.cross_entropy(self.output(features[valid]), tokens[valid], reduction="none").to(
            losses
        )
        return losses

    def _fed(
        self,
        first: Tensor,
        tokens: Tensor,
        state: State | None,
        memory: Memory | None,
        feeding: Literal["greedy", "sampled"],
        sampling_probability: float,
    ) -> Tensor:
        assert self.embedding is not None, "a decoder without embedding is fed nothing"
        x, found = first, []
        for true in tokens.unbind(1):
            features, state = self.features(x[:, None], state, memory)
            found.append(features)
            with torch.no_grad():
                own = predict(self.output(features[:, 0]), feeding)
            takes_own = torch.rand(own.shape, device=own.device) < sampling_probability
            x = self.embedding(torch.where(takes_own, own, true))
        return torch.cat(found, 1)

    def writing(self, first: Tensor, state: State | None, memory: Memory | None, *, width: int = 1) -> "Writing":
        """Start decoding ``width`` texts for each example: x_1 (B, E), s_0 and memory as for `losses`."""
        return Writing(self, first, state, memory, width)


class Writing:
    """Texts being decoded, as a `tidegate.tasks.seq2seq.search.Writer`.

    Args:
        decoder: the decoder.
        first: x_1, (B, E).
        state: s_0 of the B examples. Default: zeros.
        memory: the memory of attention.
        width: K, texts for each example.
    """

    def __init__(
        self, decoder: TokenDecoder, first: Tensor, state: State | None, memory: Memory | None, width: int
    ) -> None:
        self.decoder, self.memory, self.examples = decoder, memory, len(first)
        self.first = first.repeat_interleave(width, 0)
        self.stepper = decoder.recurrent.stepper(len(self.first))
        if state is not None:
            self.stepper.state = each_state(state, lambda it: it.repeat_interleave(width, 1))

    def step(self, tokens: Tensor | None) -> Tensor:
        """Compute log p of the next tokens (N, V) from the last ones (N,), or None."""
        decoder = self.decoder
        if tokens is None:
            x = self.first
        elif decoder.embedding is None:
            x = torch.zeros_like(self.first)
        else:
            x = decoder.embedding(tokens)
        features = self.stepper(x).unflatten(0, (self.examples, -1))
        if decoder.attention is not None:
            assert self.memory is not None, "attention needs a memory"
            features, _ = decoder.attention(features, self.memory)  # the texts of an example share a memory
        log = decoder.output(features.flatten(0, 1)).float().log_softmax(-1)
        if decoder.never is not None:
            log[:, decoder.never] = -torch.inf
        return log

    def reorder(self, indices: Tensor) -> None:
        """Continue row n with the state of row ``indices[n]``, of the same example."""
        self.stepper.state = each_state(self.stepper.state, lambda it: it[:, indices])
