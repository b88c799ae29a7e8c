"""The base class of all recurrent modules: one forward for the drop-ins and for `Recurrent`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from tidegate.cells import Cell
from tidegate.engine import BACKENDS, Backend, Cost, Peaks, Record, Weights, cost
from tidegate.engine.lengths_and_resets import Lengths, Resets
from tidegate.engine.run import refuse_jit_trace
from tidegate.nn.checks import as_states, check_alike, check_input, check_state_dimensions, check_states
from tidegate.nn.evaluating import evaluating
from tidegate.nn.exact_state import exact, shown
from tidegate.nn.explain_layers import LayersExplained, explain_stack
from tidegate.nn.initialise import Init
from tidegate.nn.interop.cell_module import CellModule
from tidegate.nn.interop.per_sample import has_expanded_weights, run_stack_by_sample
from tidegate.nn.interop.pre_hooks import after_pre_hooks
from tidegate.nn.layout import EngineInput, Layout, read_input
from tidegate.nn.pretrained.pretrained_layer import PretrainedLayer
from tidegate.nn.record.labelled_trace import Trace
from tidegate.nn.stack import run_stack
from tidegate.nn.step_masks import Masks, read_masks
from tidegate.nn.stepping.checked_stack import RemembersKinds
from tidegate.nn.stepping.prepacked import Prepacked
from tidegate.nn.stepping.prepared_stack import plain_states
from tidegate.nn.stepping.stepper import Stepper
from tidegate.nn.types import State

S = TypeVar("S", bound=State)


def by_name(backend: str | Backend | None) -> str | Backend | None:
    """Return the name of one of Tidegate's backends, so that layers stay picklable; others unchanged."""
    return next((known.name for known in BACKENDS if known is backend), backend)


class Layered(Prepacked, RemembersKinds, PretrainedLayer, CellModule, Generic[S]):
    """A module of ``num_layers`` layers of a cell, in one or two directions. Subclasses hold the weights.

    S is the type of the states that `forward` takes and returns.
    """

    cell: Cell
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    init: Init
    forget_bias: float | None
    backend: str | Backend | None
    recompute: bool = False
    two_biases = False
    locked_dropout = False  # whether the dropout between layers has one mask for all steps of a run
    # Layers, or single directions of them, that run another cell on the same weights, such as one with an intervention.
    layer_cells: Mapping[int | tuple[int, int], Cell] = MappingProxyType({})
    times_loaded = 0  # how often a state_dict was loaded, which PyTorch does not count for tensors of inference mode

    def _own_options(self) -> list[str]:
        """Return Tidegate's own options that differ from their defaults, for `extra_repr`."""
        backend = getattr(self.backend, "name", self.backend)
        options = {
            "init": (self.init, "torch"),
            "forget_bias": (self.forget_bias, None),
            "backend": (backend, None),
            "recompute": (self.recompute, False),
            "layer_cells": ({layer: cell.name for layer, cell in self.layer_cells.items()}, {}),
        }
        return [f"{name}={value!r}" for name, (value, default) in options.items() if value != default]

    def layer_cell(self, layer: int, direction: int = 0) -> Cell:
        """Return the cell that a layer runs in a direction: ``cell``, unless ``layer_cells`` has another one for it."""
        if not self.layer_cells:
            return self.cell
        return self.layer_cells.get((layer, direction), self.layer_cells.get(layer, self.cell))

    def layer_weights(self, layer: int, direction: int) -> Weights:
        """Return the weights of one layer and direction.

        Weights that forward pre-hooks compute are those of the last call or `refresh_weights`.
        """
        raise NotImplementedError

    def layer_cost(self, layer: int, *, batch: int = 1) -> Cost:
        """Return the cost of one step of one layer, in one direction."""
        itemsize = next((p.element_size() for p in self.parameters()), torch.get_default_dtype().itemsize)
        return cost(
            self.layer_cell(layer),
            self.layer_input_size(layer),
            self.layer_size(layer),
            batch=batch,
            bias=self.bias,
            two_biases=self.two_biases,
            proj_size=self.proj_size,
            itemsize=itemsize,
        )

    def initial_state(self, batch: int) -> tuple[Tensor, ...] | None:
        """Return the states (layers * directions, B, ·) with which a call without ``hx`` begins; None for zeros."""
        del batch
        return None

    @property
    def output_size(self) -> int:
        """Features of the output: hidden (or projected) size of the last layer times directions."""
        return self.layer_output_size(self.num_layers - 1)

    def layer_input_size(self, layer: int) -> int:
        """Return the number of features of a layer's input."""
        return self.layer_output_size(layer - 1) if layer else self.input_size

    def layer_output_size(self, layer: int) -> int:
        """Return the number of features of a layer's output, of all directions together."""
        return (self.proj_size or self.layer_size(layer)) * (1 + self.bidirectional)

    def layer_size(self, layer: int) -> int:
        """Return the number of hidden units of a layer; ``hidden_size`` is the largest."""
        del layer
        return self.hidden_size

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self.times_loaded += 1

    @overload
    def forward(
        self,
        input: Tensor,
        hx: S | None = None,
        *,
        lengths: Lengths | None = None,
        reset: Resets | None = None,
        masks: Masks | None = None,
    ) -> tuple[Tensor, S]: ...

    @overload
    def forward(
        self, input: PackedSequence, hx: S | None = None, *, masks: Masks | None = None
    ) -> tuple[PackedSequence, S]: ...

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: S | None = None,
        *,
        lengths: Lengths | None = None,
        reset: Resets | None = None,
        masks: Masks | None = None,
    ) -> tuple[Tensor | PackedSequence, S]:
        """Run all layers.

        Args:
            input: (T, B, I), (B, T, I) with ``batch_first``, (T, I) unbatched, or a `PackedSequence`.
            hx: initial states (layers * directions, B, ·): a tensor for cells with one state, else a tuple in the
                order of ``cell.states``; zeros if None.
            lengths: (B,) the valid steps of each sequence, of any integer type: a tensor, array or list. Zero is
                allowed. Padding has no influence.
            reset: bool, a tensor, array or list of the input's shape without features: where true, the state before
                that step is zeros.
            masks: the masks of the cell by name (elapsed times, say), for every layer whose cell has them. Each is laid
                out as the input, with one number for each hidden unit, or without that dimension, as (T, B): one number
                for all. The reverse direction reads them as it reads the input. Those with default values are optional.

        Returns:
            The last layer's output, laid out as the input (zeros past a sequence's length), and the final states
            in the form of ``hx``, each at its sequence's last valid step. In half precision states are computed in
            float32; handed on to the next call, also detached or as a view, they lose nothing.

        Raises:
            RuntimeError, ValueError: as ``torch.nn`` for the same mistakes; `tidegate.errors.ArgumentError`, a
                ValueError, for lengths, reset and masks.
        """
        if lengths is None and masks is None:
            done = self._quick_step(input, hx, reset) or (self._known_run(input, hx) if reset is None else None)
            if done is not None:
                return done
        given = self._checked_input(input, hx, lengths, reset, masks)
        result = run_stack_by_sample(self, given) if has_expanded_weights(self) else run_stack(self, given)
        return given.layout.output(result.output), cast(S, self._state_out(result.state, given.layout))

    def _known_run(self, input: Any, hx: Any) -> tuple[Any, Any] | None:
        """Run a call of a kind that is known; None if `forward` has to do it."""
        states = plain_states(self, input, hx)
        return None if states is None else self._kept_run(input, states) or self._checked_run(input, states)

    def _quick_step(self, input: Any, hx: Any, reset: Any) -> tuple[Tensor, S] | None:
        """Run a single step that needs neither checks nor kernels; None if `forward` has to do it."""
        del input, hx, reset

    if TYPE_CHECKING:  # a call has the types of forward, where torch.nn.Module says Any

        @overload
        def __call__(
            self,
            input: Tensor,
            hx: S | None = None,
            *,
            lengths: Lengths | None = None,
            reset: Resets | None = None,
            masks: Masks | None = None,
        ) -> tuple[Tensor, S]: ...

        @overload
        def __call__(
            self, input: PackedSequence, hx: S | None = None, *, masks: Masks | None = None
        ) -> tuple[PackedSequence, S]: ...

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102

    def trace(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        *,
        lengths: Lengths | None = None,
        reset: Resets | None = None,
        masks: Masks | None = None,
        names: Record | str | Iterable[str] = "all",
    ) -> Trace[Tensor]:
        """Run all layers as `forward` does and record the gate activations and states of each by name.

        Args:
            input: as in `forward`.
            hx: as in `forward`.
            lengths: as in `forward`.
            reset: as in `forward`.
            masks: as in `forward`.
            names: names out of ``cell.recorded``, or "all"; a `tidegate.engine.Record` records every n-th step only.

        Raises:
            ArgumentError: the cell records no such name.
        """
        given = self._checked_input(*self._arguments(input, hx, lengths, reset, masks))
        result, layout = run_stack(self, given, names), given.layout
        values = {
            place: {name: layout.sequences(value) for name, value in recorded.items()}
            for place, recorded in result.record.items()
        }
        valid = layout.valid(result.output.size(0), names.every if isinstance(names, Record) else 1)
        output, state = layout.output(result.output), self._state_out(result.state, layout)
        return Trace(values, output=output, state=state, valid=valid, batch_axis=layout.batch_axis)

    def stepper(self, batch: int = 1, *, copy: bool = True, weights: Literal["int8"] | None = None) -> Stepper:
        """Run this module one step at a time, for generating text, sensors or agents: see `tidegate.nn.Stepper`."""
        return Stepper(self, batch, copy=copy, weights=weights)

    def explain(
        self,
        input: Tensor | PackedSequence,
        hx: State | None = None,
        *,
        lengths: Lengths | None = None,
        reset: Resets | None = None,
        masks: Masks | None = None,
        training: bool = True,
        peaks: Peaks | None = None,
    ) -> LayersExplained:
        """Explain how `forward` would run these arguments, without running them; print the result.

        For each layer and direction: the backend and why not the others, the kernels (stages, tiles, how threads share
        the work, whether the product with the input is in the loop), FLOPs, bytes, and the least time they can take.
        (``forward`` of a drop-in layer may run a single step on PyTorch's operators instead: see docs/kernels.md.)

        Args:
            input: as in `forward`; its values do not matter.
            hx: as in `forward`.
            lengths: as in `forward`.
            reset: as in `forward`.
            masks: as in `forward`.
            training: count a backward run too; the input's gradient only if ``input`` requires one.
            peaks: FLOP/s and bytes/s of the machine, for the time floor; None measures them once in a process.

        Raises:
            RuntimeError, ValueError: as `forward`.
            BackendError: as `forward`; the message lists the reasons.
        """
        with evaluating(self):  # hooks of torch.nn.utils.spectral_norm change buffers in training mode
            given = self._checked_input(*self._arguments(input, hx, lengths, reset, masks))
        return explain_stack(self, given, training=training, peaks=peaks)

    def refresh_weights(self) -> None:
        """Run the forward pre-hooks in eval mode, so that `layer_weights` returns what a call would use.

        Hooks such as those of ``torch.nn.utils.weight_norm`` compute weights. They get an input of one step.
        """
        if self._forward_pre_hooks:
            weight = self._weight()
            one = torch.zeros(1, 1, self.input_size) if weight is None else weight.new_zeros(1, 1, self.input_size)
            with evaluating(self):
                after_pre_hooks(self, (one,), {})

    def _arguments(self, input: Any, hx: Any, lengths: Any, reset: Any, masks: Any) -> tuple[Any, ...]:
        """Return the arguments that `forward` gets: forward pre-hooks compute weights and may change arguments."""
        if not self._forward_pre_hooks:
            return input, hx, lengths, reset, masks
        options = {"lengths": lengths, "reset": reset, "masks": masks}
        named = {name: value for name, value in options.items() if value is not None}
        args, kwargs = after_pre_hooks(self, (input,) if hx is None else (input, hx), named)
        return _as_forward(*args, **kwargs)

    def _checked_input(
        self,
        given: Tensor | PackedSequence,
        hx: State | None,
        lengths: Lengths | None,
        reset: Resets | None,
        masks: Masks | None,
    ) -> EngineInput:
        """Check the input and the initial states and return them as the engine takes them."""
        refuse_jit_trace()
        module = (self.torch_class or type(self)).__name__
        x, layout = read_input(given, batch_first=self.batch_first, lengths=lengths, reset=reset, module=module)
        states = () if hx is None else as_states(self, hx)
        check_state_dimensions(self, states, layout)
        weight = self._weight()
        check_input(self, x, weight)
        states = tuple(value if layout.batched else value.unsqueeze(1) for value in states)
        check_states(self, states, x.shape[1])
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        check_alike(x, states, weight)
        start = tuple(layout.state_in(exact(value)) for value in states) if states else None
        return EngineInput(x, start, layout, read_masks(self, masks, x, layout))

    def _weight(self) -> Tensor | None:
        """Return one of the weights; all are of one dtype and on one device."""
        own = next((p for p in self._parameters.values() if p is not None), None)
        return own if own is not None else next(self.parameters(), None)  # all may be parametrized

    def _state_out(self, state: tuple[Tensor, ...], layout: Layout) -> State:
        weight = self._weight()
        dtype = state[0].dtype if weight is None else weight.dtype
        out = tuple(shown(layout.state(value), dtype) for value in state)
        return out[0] if len(out) == 1 else out


def _as_forward(
    input: Any, hx: Any = None, *, lengths: Any = None, reset: Any = None, masks: Any = None
) -> tuple[Any, ...]:
    return input, hx, lengths, reset, masks
