"""A recurrent language model: the probability of each token given all before it."""

from collections.abc import Callable, Sequence
from typing import Literal, cast

from torch import Tensor, nn

from tidegate.cells import get_cell, variational_dropout, with_heads
from tidegate.errors import ArgumentError
from tidegate.nn.stack import dropout
from tidegate.text.config import LanguageModelConfig
from tidegate.text.dropouts import RegularizedLayers, activation_penalty, drop_words
from tidegate.text.output_layer import AdaptiveSoftmax, Softmax, reset_uniform
from tidegate.train.hub.pretrained_model import PretrainedModel

State = tuple[Tensor, ...]
"""One (num_layers, B, hidden_size) tensor per name in ``cell.states``; a tuple for one-state cells too.

Zeros follow the states of layers that are smaller than the largest.
"""


class LanguageModel(PretrainedModel):
    """Embedding or one-hot, recurrent layers of any cell, output layer.

    ``h_t = recurrent(embed(u_t), h_{t-1})``, ``p(u_{t+1} | u_1 .. u_t) = softmax(W h_t + b)``.

    Args:
        config: the architecture.
        backend: the engine's backend. Default: the engine's choice.
    """

    def __init__(self, config: LanguageModelConfig, *, backend: str | None = None) -> None:
        super().__init__()
        if config.vocabulary_size is None:
            raise ArgumentError("vocabulary_size is not set: give that of the tokenizer.")
        self.config, self.vocabulary_size = config, config.vocabulary_size
        self.cell = get_cell(config.cell)
        if config.heads > 1:
            self.cell = with_heads(self.cell, config.heads)
        if config.recurrent_dropout:
            self.cell = variational_dropout(self.cell, config.recurrent_dropout)
        width = config.embedding_size
        self.embedding = None if width is None else nn.Embedding(self.vocabulary_size, width)
        self.recurrent = RegularizedLayers(
            self.cell,
            self.vocabulary_size if width is None else width,
            config.hidden_size if config.layer_sizes is None else config.sizes,
            config.num_layers,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
            init="torch" if config.init == "uniform" else config.init,
            forget_bias=config.forget_bias,
            backend=backend,
            locked_dropout=config.locked_dropout,
            weight_dropout=config.weight_dropout,
        )
        self.output: Softmax | AdaptiveSoftmax
        if cutoffs := config.cutoffs:
            self.output = AdaptiveSoftmax(config.sizes[-1], self.vocabulary_size, cutoffs)
        else:
            self.output = Softmax(config.sizes[-1], self.vocabulary_size)
        if config.tie_weights and self.embedding is not None:
            # The output layer's initial values: rows of variance 1 would make the first logits far too large.
            self.embedding.weight = cast(nn.Parameter, self.output.weight)
        self._reset_uniform()

    def _reset_uniform(self) -> None:
        bound = self.config.init_range
        if bound is not None and self.config.init == "uniform":
            reset_uniform(self, bound, biases=True)
        elif bound is not None:
            for module in (self.embedding, self.output):
                if module is not None:
                    reset_uniform(module, bound, biases=False)

    def zero_state(self, batch_size: int) -> State:
        """Return the state before the first token.

        Args:
            batch_size: B.

        Returns:
            One zero tensor (num_layers, B, hidden_size) per state of the cell.
        """
        weight = self.output.weight
        shape = (self.config.num_layers, batch_size, self.config.hidden_size)
        return tuple(weight.new_zeros(shape) for _ in self.cell.states)

    def hidden(self, ids: Tensor, state: State | None = None, *, reset: Tensor | None = None) -> tuple[Tensor, State]:
        """Run the recurrent layers.

        Args:
            ids: token ids, shape (B, T), int64.
            state: as returned before. Default: zero.
            reset: shape (B, T), bool: the state is set to zero before that token.

        Returns:
            The last layer's output, time-major (T, B, H), and the state.
        """
        if ids.ndim != 2:
            raise ArgumentError(f"ids should be of shape (B, T), but are of shape {tuple(ids.shape)}.")
        if state is not None and len(state) != len(self.cell.states):
            raise ArgumentError(
                f"state should be {len(self.cell.states)} tensors ({', '.join(self.cell.states)}), but is {len(state)}."
            )
        hx = state[0] if state is not None and len(state) == 1 else state
        flags = None if reset is None else reset.t()
        output, last = self.recurrent(self.embed(ids.t()), hx, reset=flags)
        return output, last if isinstance(last, tuple) else (last,)

    def features(self, ids: Tensor, state: State | None = None, *, reset: Tensor | None = None) -> tuple[Tensor, State]:
        """As `hidden`, with the dropout before the output layer."""
        output, state = self.hidden(ids, state, reset=reset)
        return self.drop_output(output), state

    def drop_output(self, output: Tensor) -> Tensor:
        """Apply the dropout before the output layer to outputs (T, B, H)."""
        return self._drop(output, self.config.output_dropout)

    def penalty(self, output: Tensor, dropped: Tensor) -> Tensor | None:
        """Return the penalty that is added to the loss; None if there is none.

        Args:
            output: the last layer's output, (T, B, H).
            dropped: the same after dropout.
        """
        alpha, beta = self.config.activation_regularization, self.config.temporal_regularization
        return activation_penalty(output, dropped, alpha, beta) if alpha or beta else None

    def forward(self, ids: Tensor, state: State | None = None, *, reset: Tensor | None = None) -> tuple[Tensor, State]:
        """Compute the logits of the token after each token.

        Args:
            ids: token ids, shape (B, T), int64.
            state: as returned before. Default: zero.
            reset: shape (B, T), bool: the state is set to zero before that token.

        Returns:
            Logits (B, T, V) and the state after the last token.

        Raises:
            ArgumentError: a shape does not fit.
        """
        features, state = self.features(ids, state, reset=reset)
        return self.output(features).transpose(0, 1), state

    def trace(
        self, ids: Tensor, state: State | None = None, *, names: str | Sequence[str] = "all"
    ) -> tuple[Tensor, State, dict[tuple[int, int], dict[str, Tensor]]]:
        """As `forward`, keeping gates and states from the same pass.

        Args:
            ids: token ids, shape (B, T), int64.
            state: as in `forward`.
            names: which of ``cell.recorded``.

        Returns:
            Logits (B, T, V), the state, and for each (layer, direction 0) the values (T, B, H) by name.
        """
        if not names:
            return *self(ids, state), {}
        hx = state[0] if state is not None and len(state) == 1 else state
        made = self.recurrent.trace(self.embed(ids.t()), hx, names=names)
        last = made.state if isinstance(made.state, tuple) else (cast(Tensor, made.state),)
        values = {place: dict(recorded) for place, recorded in made.values.items()}
        return self.output(self.drop_output(cast(Tensor, made.output))).transpose(0, 1), last, values

    def reader(self, state: State, *, weights: Literal["int8"] | None = None) -> Callable[[Tensor], Tensor]:
        """What reads on from a state, one token of each text at a time: ids (B,) to logits (B, V), as in evaluation.

        Args:
            state: as `forward` returns it.
            weights: of the recurrent layers, as in `tidegate.nn.Stepper`.
        """
        stepper = self.recurrent.stepper(state[0].shape[1], copy=False, weights=weights)
        stepper.state = state[0] if len(state) == 1 else state

        def read(ids: Tensor) -> Tensor:
            return self.output.step(stepper(self.embed(ids)))

        return read

    def embed(self, ids: Tensor) -> Tensor:
        """Embed token ids: (...) to (..., E), or one-hot to (..., V)."""
        if self.embedding is not None:
            found = self.embedding(ids)
            if self.training and self.config.embedding_dropout:
                found = drop_words(found, ids, self.vocabulary_size, self.config.embedding_dropout)
            return self._drop(found, self.config.input_dropout)
        weight = self.output.weight
        hot = weight.new_zeros((*ids.shape, self.vocabulary_size))
        return hot.scatter_(-1, ids.unsqueeze(-1), 1.0)

    def _drop(self, x: Tensor, rate: float | None) -> Tensor:
        if not self.training:
            return x
        return dropout(x, self.config.dropout if rate is None else rate, locked=self.config.locked_dropout)
