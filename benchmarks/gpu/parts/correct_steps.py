"""One step at a time on the device: a stepper, replayed from CUDA graphs, computes what a run in float64 computes."""

from __future__ import annotations

import copy
import functools
import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from benchmarks.gpu.parts.checks import same
from benchmarks.gpu.precisions import BFLOAT16, EXACT, Precision, computing
from benchmarks.gpu.session import Session
from tidegate import nn
from tidegate.engine import dispatch
from tidegate.errors import BackendError, ParityError

STEPS, INPUTS, H = 20, 24, 40
LAYERS: dict[str, Callable[..., nn.Layered]] = {
    "lstm": lambda **more: nn.LSTM(INPUTS, H, **more),
    "gru": lambda **more: nn.GRU(INPUTS, H, **more),
    "lstm projected": lambda **more: nn.LSTM(INPUTS, H, 2, proj_size=17, **more),
    "gru_original": lambda **more: nn.Recurrent("gru_original", INPUTS, H, **more),
    "peephole_lstm": lambda **more: nn.Recurrent("peephole_lstm", INPUTS, H, **more),
    "layer_norm_lstm": lambda **more: nn.Recurrent("layer_norm_lstm", INPUTS, H, **more),
    "lstm two sizes": lambda **more: nn.Recurrent("lstm", INPUTS, (H, 27), **more),
}
State = tuple[Tensor, ...]


class Pair:
    """A stepper, and the same layer in float64 beside it.

    Args:
        name: one of `LAYERS`, or a cell.
        batch: B.
        precision: of the stepper.
        device: of both.
        backend: of the stepper.
    """

    def __init__(self, name: str, batch: int, precision: Precision, device: torch.device, backend: str | None):
        make = LAYERS.get(name, functools.partial(nn.Recurrent, name, INPUTS, H))
        self.make, self.precision, self.state = make, precision, None
        self.layer = make(backend=backend).to(device, precision.dtype).eval()
        self.exact = make(backend="reference").to(device, torch.float64).eval()
        self.load(self.layer)
        self.stepper = self.layer.stepper(batch)
        self.x = torch.randn(STEPS, batch, INPUTS, device=device).to(precision.dtype)

    def load(self, other: nn.Layered) -> None:
        """Give both the weights of another layer."""
        weights = {name: value.to(self.precision.dtype) for name, value in other.state_dict().items()}
        self.layer.load_state_dict(weights)
        self.exact.load_state_dict(weights)

    def check(
        self, what: str, found: Sequence[Tensor], x: Tensor, stepper: nn.Stepper | None = None, **more: Any
    ) -> None:
        """Require outputs and states to be those of the layer, which goes on from where it was.

        Raises:
            ParityError: they differ.
        """
        with torch.no_grad():
            output, self.state = self.exact(x.double(), self.state, **more)
        mine, theirs = _states((stepper or self.stepper).state), _states(self.state)
        got = {"output": torch.stack([*found]), **{f"state {k}": value for k, value in enumerate(mine)}}
        expected = {"output": output, **{f"state {k}": value for k, value in enumerate(theirs)}}
        same(what, got, expected, bits=False)


def run(session: Session) -> None:
    """Check each layer, batch, precision and backend, and what may happen between steps."""
    others = [it.name for it in dispatch.BACKENDS if it.name not in ("llvm", "reference")] if session.on_gpu else []
    sizes = (1, 3)
    for name, batch, precision in itertools.product(LAYERS, sizes, (EXACT, BFLOAT16)):
        for backend in (None, *others):
            where = f"steps {name} {backend or 'by default'} B={batch} {precision.name}"
            session.case(where, functools.partial(_checked, session, _plain, where, name, batch, precision, backend))
    events: dict[str, Callable[[Pair], None]] = {"weights": _weights, "states": _states_set, "copies": _copies}
    events |= {"modes": _modes}
    if session.on_gpu:
        events |= {"streams": _streams, "captured": _captured}
    for backend, name in itertools.product((None, *others), ("lstm", "gru_original")):
        for event, check in events.items():
            where = f"steps {event} {name} {backend or 'by default'}"
            session.case(where, functools.partial(_checked, session, check, where, name, 2, EXACT, backend))
    for backend in (None, *others):
        where = f"steps masks cfc {backend or 'by default'}"
        session.case(where, functools.partial(_checked, session, _masks, where, "cfc", 2, EXACT, backend))


def _checked(
    session: Session,
    check: Callable[[Pair], None],
    where: str,
    name: str,
    batch: int,
    precision: Precision,
    backend: str | None,
) -> None:
    torch.manual_seed(0)
    with computing(precision), warnings.catch_warnings():
        warnings.filterwarnings("error", "This step cannot be captured")
        try:
            pair = Pair(name, batch, precision, session.device, backend)
        except BackendError as error:
            if backend is None:
                raise
            session.remarks.append(f"{where}: {error}")
            return
        check(pair)
        session.write({"case": where, "steps": STEPS})


def _plain(pair: Pair) -> None:
    """All but the first of the steps are replayed; outputs that are kept stay what they were."""
    replays, replay = [0], torch.cuda.CUDAGraph.replay

    def counted(graph: torch.cuda.CUDAGraph) -> None:
        replays[0] += 1
        replay(graph)

    with patch.object(torch.cuda.CUDAGraph, "replay", counted):
        found = [pair.stepper(row) for row in pair.x]
    pair.check("step by step", found, pair.x)
    if pair.x.is_cuda and replays[0] != STEPS - 1:
        raise ParityError(f"{replays[0]} of {STEPS} steps were replayed, not {STEPS - 1}")


def _weights(pair: Pair) -> None:
    """New weights are used at once, whether they are loaded, learned or put in place of the old."""
    for k in range(3):
        pair.check(f"weights {k}", [pair.stepper(row) for row in pair.x], pair.x)
        if k == 0:
            pair.load(pair.make())
        else:
            with torch.no_grad():
                for mine, other in zip(pair.layer.parameters(), pair.exact.parameters(), strict=True):
                    mine.mul_(0.5)
                    other.copy_(mine)


def _states_set(pair: Pair) -> None:
    """A state that is set, or reset for one sequence, is what the next step begins with."""
    pair.check("before", [pair.stepper(row) for row in pair.x], pair.x)
    pair.stepper.reset([True, False])
    kept = torch.tensor([0.0, 1.0], dtype=torch.float64, device=pair.x.device)[:, None]
    pair.state = _like(pair.state, [s * kept for s in _states(pair.state)])
    pair.check("reset", [pair.stepper(row) for row in pair.x[:5]], pair.x[:5])
    drawn = [torch.randn_like(s) for s in _states(pair.state)]
    pair.stepper.state = _like(pair.state, [s.float() for s in drawn])
    pair.state = _like(pair.state, drawn)
    pair.check("set", [pair.stepper(row) for row in pair.x[:5]], pair.x[:5])
    pair.stepper.reset()
    pair.state = None
    pair.check("all reset", [pair.stepper(row) for row in pair.x], pair.x)


def _copies(pair: Pair) -> None:
    """A copy goes on by itself, as the original does."""
    pair.check("before", [pair.stepper(row) for row in pair.x], pair.x)
    twin, state = copy.deepcopy(pair.stepper), pair.state
    found = [(pair.stepper(row), twin(-row)) for row in pair.x]
    pair.check("original", [mine for mine, _ in found], pair.x)
    pair.state = state
    pair.check("copy", [other for _, other in found], -pair.x, twin)


def _modes(pair: Pair) -> None:
    """Inference mode, gradients of the input and views of it change nothing."""
    x, found = pair.x.transpose(1, 2).contiguous().transpose(1, 2).requires_grad_(), []
    for k, row in enumerate(x):
        with torch.inference_mode(k % 3 == 1), torch.set_grad_enabled(k % 3 == 2):
            found.append(pair.stepper(row).clone())
    pair.check("modes", found, x.detach())


def _masks(pair: Pair) -> None:
    """Steps with masks run between replayed ones."""
    dt, found = torch.ones(*pair.x.shape[:2], H, device=pair.x.device), []
    for k, row in enumerate(pair.x):
        if k in (4, 5, 11):
            dt[k] = 0.1 * k
            found.append(pair.stepper(row, masks={"dt": dt[k]}))
        else:
            found.append(pair.stepper(row))
    pair.check("masks", found, pair.x, masks={"dt": dt.double()})


def _streams(pair: Pair) -> None:
    """Steps on another stream, the first of them too, and then on this one again."""
    side, here = torch.cuda.Stream(), torch.cuda.current_stream()
    found = []
    for k, row in enumerate(pair.x):
        stream = side if k // 3 % 2 == 0 else here
        stream.wait_stream(here if stream is side else side)
        with torch.cuda.stream(stream):
            found.append(pair.stepper(row))
    torch.cuda.synchronize()
    pair.check("streams", found, pair.x)


def _captured(pair: Pair) -> None:
    """Two steps in a graph of the caller's, and steps outside of it before and after."""
    pair.check("before", [pair.stepper(row) for row in pair.x], pair.x)
    static, graph = pair.x[:2].clone(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = [pair.stepper(row) for row in static]
    found = []
    for k in range(0, STEPS, 2):
        static.copy_(pair.x[k : k + 2])
        graph.replay()
        found += [output.clone() for output in outputs]
    pair.check("within", found, pair.x)
    pair.check("after", [pair.stepper(row) for row in pair.x], pair.x)


def _states(value: Any) -> State:
    return (value,) if isinstance(value, Tensor) else tuple(value)


def _like(state: Any, values: Sequence[Tensor]) -> Any:
    """Return values in the form of a state: a tensor, or several."""
    return values[0] if isinstance(state, Tensor) else tuple(values)
