"""Training on audio: the task ``regress``, and the same loop around ``torch.nn.LSTM``.

Run it with ``python -m benchmarks.regress_audio``. Three minutes of 48 kHz are read in batches of 32 windows of 2,048
samples by an LSTM of 16 units, with the error-to-signal ratio as the loss, as published trainers of guitar amplifiers
do (Wright, Damskägg & Välimäki 2019). Before anything is timed, both loops train side by side on the first windows, and
their losses and weights are compared. Figures are medians of interleaved turns; process time is what all threads took.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tidegate.data.samples.amplifier import clipped, guitar
from tidegate.data.sources import Sources
from tidegate.errors import ParityError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.regress.audio import write_wav
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.train import TrainConfig
from tidegate.train.checkpoint import Checkpoint, Counters
from tidegate.train.distributed import Processes
from tidegate.train.events import ignore
from tidegate.train.interrupt import Interrupt
from tidegate.train.loop import Loop

RATE, SECONDS = 48_000, 180
ROWS, WINDOW, UNITS, BURN_IN, EMPHASIS = 32, 2_048, 16, 1_024, 0.85
TURNS, AT_ONCE = 9, 8  # turns, and windows in each
TOLERANCE = 1e-4


class PlainModel(nn.Module):
    """The same model around ``torch.nn.LSTM``, with inputs (T, B, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, UNITS)
        self.output = nn.Linear(UNITS, 1)
        self.direct = nn.Linear(1, 1, bias=False)
        self.hidden: Any = None

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, 1) to (T, B, 1), from the state that the last window left."""
        h, self.hidden = self.lstm(x, self.hidden)
        return self.output(h) + self.direct(x)

    def detach_hidden(self) -> None:
        """Cut the graph between two windows."""
        self.hidden = tuple(it.detach() for it in self.hidden)


def plain_loss(y: Tensor, target: Tensor, before: Tensor, energy: float) -> Tensor:
    """The error-to-signal ratio after pre-emphasis, of (T, B, 1)."""
    error = y - target
    filtered = error - EMPHASIS * torch.cat([before, error[:-1]])
    return filtered.square().mean() / energy


class PlainLoop:
    """A loop as a user of PyTorch writes it: all segments in memory, windows cut from them, AdamW, clipping."""

    def __init__(self, model: PlainModel, x: Tensor, y: Tensor, energy: float) -> None:
        self.model, self.x, self.y, self.energy = model, x, y, energy
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [it for it in model.parameters() if it.ndim > 1], "weight_decay": 0.01},
                {"params": [it for it in model.parameters() if it.ndim < 2], "weight_decay": 0.0},
            ],
            lr=1e-3,
            betas=(0.9, 0.99),
        )
        self.before = torch.zeros(1, x.shape[1], 1)
        self.start = 0

    def step(self) -> float:
        """Train on the next window; return the loss."""
        if not self.start:
            self.model.hidden = None
            with torch.no_grad():
                self.model(self.x[:BURN_IN])
            self.before = torch.zeros_like(self.before)
            self.start = BURN_IN
        x, target = (it[self.start : self.start + WINDOW] for it in (self.x, self.y))
        y = self.model(x)
        loss = plain_loss(y, target, self.before, self.energy)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.model.detach_hidden()
        self.before = (y[-1:] - target[-1:]).detach()
        self.start += WINDOW
        if self.start + WINDOW > len(self.x):
            self.start = 0
        return loss.item()


class OwnLoop:
    """The loop that trains every task, one step at a time: reports and their file are part of it."""

    def __init__(self, task: RegressTask, settings: TrainConfig, folder: Path) -> None:
        start = Checkpoint("", "", 1, Counters(), None, {})
        self.loop: Any = Loop(task, settings, folder, Processes("cpu", "no"), start, ignore, None)
        self.interrupt = Interrupt()

    def step(self) -> float:
        """Train on the next window; return the loss."""
        counters, batches = self.loop.counters, self.loop.batches
        before, place = counters.loss, divmod(counters.step, len(batches))
        self.loop._step(0.0, self.interrupt)
        loss = (counters.loss - before) / batches.predictions(*place)
        self.loop._between_steps()
        return loss


def loops(folder: Path, seconds: int = SECONDS) -> tuple[OwnLoop, PlainLoop]:
    """Make both loops on the same recording, which is kept in a folder, with the same weights."""
    draw = np.random.default_rng(0)
    notes = guitar(8, draw)
    short = [notes.ravel(), clipped(4 * notes, RATE).ravel()]
    x, y = (np.resize(it, seconds * RATE).astype(np.float32)[:, None] for it in short)
    config = RegressConfig(hidden_size=UNITS, loss="esr", burn_in=BURN_IN, pre_emphasis=EMPHASIS, taps=1)
    settings = TrainConfig(
        batch_size=ROWS, k1=WINDOW, learning_rate=1e-3, warmup_steps=0, steps=10**6, validate_every=10**6
    )
    for name, samples in (("input", x), ("target", y)):
        write_wav(folder / f"{name}.wav", RATE, samples)
    examples = prepare_examples(
        RegressTask,
        Sources((folder / "input.wav", folder / "target.wav")),
        config,
        folder / "run",
        shares=(1.0, 0.0, 0.0),
    )
    own = OwnLoop(RegressTask(config, examples.preprocessing, examples, settings), settings, folder / "run")
    plain = PlainModel()
    copy_weights(own.loop.model, plain)
    part = examples.parts["train"]
    whole = [np.array(part.columns[name][0]) for name in ("inputs", "targets")]
    batches = own.loop.batches
    segments, (order, _) = batches.segments, batches._place(0, 0)
    cut = [np.stack([it[segments[n].start : segments[n].end] for n in order], 1) for it in whole]
    xs, ys = (torch.from_numpy(it) for it in cut)
    return own, PlainLoop(plain, xs, ys, examples.preprocessing.numbers("energy", 1)[0])


def copy_weights(own: Any, plain: Any) -> None:
    """Give torch's LSTM the weights of ours, whose one bias is the sum of torch's two."""
    with torch.no_grad():
        plain.lstm.weight_ih_l0.copy_(own.recurrent.weight_ih_l0)
        plain.lstm.weight_hh_l0.copy_(own.recurrent.weight_hh_l0)
        plain.lstm.bias_ih_l0.copy_(own.recurrent.bias_l0)
        plain.lstm.bias_hh_l0.zero_()
    plain.lstm.bias_hh_l0.requires_grad_(False)
    plain.output.load_state_dict(own.output.state_dict())
    plain.direct.load_state_dict(own.direct.state_dict())


def check_parity(own: OwnLoop, plain: PlainLoop, windows: int = 3) -> None:
    """Train both on the first windows and compare losses and weights.

    Raises:
        ParityError: they differ.
    """
    for n in range(windows):
        mine, other = own.step(), plain.step()
        if abs(mine - other) > TOLERANCE * abs(other):
            raise ParityError(f"window {n}: the loss of regress is {mine:.8g}, that of the plain loop {other:.8g}")
    model = own.loop.model
    pairs = [
        (model.recurrent.weight_hh_l0, plain.model.lstm.weight_hh_l0),
        (model.output.weight, plain.model.output.weight),
    ]
    for mine, other in pairs:
        if not torch.allclose(mine, other, rtol=1e-3, atol=1e-4):
            raise ParityError(f"after {windows} windows weights differ by {float((mine - other).abs().max()):.3g}")


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the process's time that some windows take, each."""
    clock, process = time.perf_counter(), time.process_time()
    for _ in range(AT_ONCE):
        act()
    return (time.perf_counter() - clock) / AT_ONCE, (time.process_time() - process) / AT_ONCE


def turns(own: OwnLoop, plain: PlainLoop) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Time both in turns."""
    for _ in range(TURNS):
        yield timed(own.step), timed(plain.step)


def main() -> None:
    """Print milliseconds a window and the ratio, on one thread and on two."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        own, plain = loops(Path(folder))
        check_parity(own, plain)
        _compare(own, plain)


def _compare(own: OwnLoop, plain: PlainLoop) -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found = list(turns(own, plain))[1:]
        for n, name in enumerate(("clock", "process")):
            mine, other = (statistics.median(turn[k][n] for turn in found) for k in (0, 1))
            ratios = sorted(turn[1][n] / turn[0][n] for turn in found)
            print(
                f"{threads} threads, {name} time: regress {1e3 * mine:.1f} ms a window of {ROWS} x {WINDOW}, "
                f"torch.nn.LSTM {1e3 * other:.1f} ms; {statistics.median(ratios):.2f} times ({ratios[0]:.2f} to "
                f"{ratios[-1]:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
