"""How long exported models take, beside ONNX Runtime, RTNeural and our own stepper, on one thread.

``python -m benchmarks.exports.speed --rtneural CHECKOUT --xsimd CHECKOUT`` prints a table in Markdown. Outputs are
compared with PyTorch's before anything is timed. A figure is the median of pairs of turns, the ratio that of the pairs'
ratios with its quartiles: how many times as long the other one takes. Needs gcc, onnx and onnxruntime.
"""

from __future__ import annotations

import argparse
import ctypes
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

import tidegate
from benchmarks.exports.cases import Case, amplifier, denoiser, lstm
from benchmarks.exports.onnx_model import TimedOnnx
from benchmarks.exports.rtneural import BACKENDS, RTNeural
from benchmarks.exports.steady import slowest, system_calls
from benchmarks.exports.timed_c import TimedC
from benchmarks.machine import processor
from benchmarks.measure import Timer, pairs
from tidegate.errors import ParityError

TURNS, CLOSE, ROUNDED = 31, 1e-5, 0.05


class Row(NamedTuple):
    """A line of the table."""

    what: str
    other: str
    ours: str
    theirs: str
    ratio: str
    target: str


def compared(what: str, other: str, ours: Timer, theirs: Timer, target: str) -> Row:
    """Time two contenders in turns."""
    found = pairs(theirs, ours, TURNS)
    ratio = f"{found.ratio.median:.2f} ({found.ratio.low:.2f} to {found.ratio.high:.2f})"
    return Row(what, other, _microseconds(found.second.median), _microseconds(found.first.median), ratio, target)


def check(name: str, found: Tensor, case: Case, close: float = CLOSE) -> None:
    """Compare outputs with PyTorch's.

    Raises:
        ParityError: they differ.
    """
    expected = case.expected()
    error = float((found - expected).abs().max() / expected.abs().max())
    if not error <= close:
        raise ParityError(f"{case.name}: the outputs of {name} differ from PyTorch's by {error:.2g} of the largest")


def in_c(case: Case, folder: Path, **options: Any) -> TimedC:
    """Export and compile a case, and compare its outputs."""
    made = TimedC(case.model, case.x, Path(tempfile.mkdtemp(dir=folder)) / "model", **options)
    check("C", made.outputs(), case, ROUNDED if options.get("weights") == "int8" else CLOSE)
    return made


def against_onnx(case: Case, target: str, folder: Path) -> Iterator[Row]:
    """A case beside ONNX Runtime."""
    ours, theirs = in_c(case, folder), TimedOnnx(case)
    check("ONNX Runtime", theirs.outputs(), case)
    seconds: Timer = lambda n: ours.seconds(case.steps, n)  # noqa: E731
    yield compared(case.name, "ONNX Runtime, session.run", seconds, theirs.seconds_of_run, target)
    yield compared(case.name, "ONNX Runtime, bound memory", seconds, theirs.seconds, target)


def in_int8(case: Case, target: str, folder: Path) -> Iterator[Row]:
    """A case with weights and vectors in 8 bits, beside the same in float32."""
    ours, theirs = in_c(case, folder, weights="int8"), in_c(case, folder)
    yield compared(
        f"{case.name}, in int8", "float32", lambda n: ours.seconds(1, n), lambda n: theirs.seconds(1, n), target
    )


def against_rtneural(case: Case, target: str, folder: Path, checkouts: tuple[Path, Path]) -> Iterator[Row]:
    """A case beside each of RTNeural's backends."""
    ours = in_c(case, folder)
    for backend in BACKENDS:
        theirs = RTNeural(case, *checkouts, backend, folder)
        check(f"RTNeural with {backend}", theirs.outputs(), case)
        yield compared(case.name, f"RTNeural, {backend}", lambda n: ours.seconds(1, n), theirs.seconds, target)


def against_python(case: Case, folder: Path) -> Iterator[Row]:
    """A case beside our own stepper called from Python, and beside its kernel called from C."""
    ours, given = in_c(case, folder), cast(nn.LSTM, case.model[0])
    layer = tidegate.nn.LSTM(given.input_size, given.hidden_size).eval()
    layer.load_state_dict(given.state_dict())
    stepper: Any = layer.stepper(copy=False)
    frames = [it[None] for it in case.x]
    with torch.no_grad():
        check("the stepper", torch.cat([stepper(it).clone() for it in frames]), case)

    def from_python(calls: int) -> float:
        with torch.no_grad():
            start = time.perf_counter()
            for n in range(calls):
                stepper(frames[n % len(frames)])
            return time.perf_counter() - start

    function, _, table, *_ = stepper._layers[0]._turns[0]
    address = ctypes.cast(function.call, ctypes.c_void_p).value
    assert address is not None
    seconds: Timer = lambda n: ours.seconds(1, n)  # noqa: E731
    yield compared(case.name, "our stepper, from Python", seconds, from_python, "1.5")
    yield compared(case.name, "its kernel alone", seconds, lambda n: ours.others(address, table, n), "0.9")


def in_itself(case: Case, folder: Path) -> Iterator[Row]:
    """The size of a case's machine code, and a million steps."""
    ours = in_c(case, folder)
    size, imports = ours.machine_code(), ours.imports()
    yield Row(f"{case.name}: machine code", "", f"{size / 1024:.1f} KB", "", "", "40 KB")
    yield Row(f"{case.name}: functions from elsewhere", "", ", ".join(imports) or "none", "", "", "no allocation")
    calls = system_calls(ours.folder)
    yield Row(
        f"{case.name}: system calls of a million steps", "", "no strace" if calls is None else str(calls), "", "", "0"
    )
    found = slowest(ours)
    what = f"{case.name}: 99.9% of a million, against the median of {_microseconds(found.median)}"
    ratio = f"{found.slow / found.median:.2f}"
    yield Row(
        what, "loops that only count", _microseconds(found.slow), _microseconds(found.counting), ratio, "at most 2"
    )


def _microseconds(seconds: float) -> str:
    return f"{1e6 * seconds:.3g} µs"


def parts(checkouts: tuple[Path, Path] | None) -> dict[str, Callable[[Path], Iterator[Row]]]:
    """Return what is measured, by name."""
    found: dict[str, Callable[[Path], Iterator[Row]]] = {
        "lstm": lambda folder: against_onnx(lstm(128), "4; ours at most 4 µs", folder),
        "denoiser": lambda folder: against_onnx(denoiser(), "2", folder),
        "block": lambda folder: against_onnx(lstm(128, 62), "1.5", folder),
        "python": lambda folder: against_python(lstm(128), folder),
        "int8": lambda folder: chain(in_int8(lstm(512), "2", folder), in_int8(denoiser(), "", folder)),
        "itself": lambda folder: in_itself(lstm(128), folder),
    }
    if checkouts:
        found["16"] = lambda folder: against_rtneural(amplifier(16), "1.1; ours at most 0.3 µs", folder, checkouts)
        found["40"] = lambda folder: against_rtneural(amplifier(40), "1.1; ours at most 0.6 µs", folder, checkouts)
    return found


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description="Time exported models beside other runtimes.")
    arguments.add_argument("--rtneural", type=Path, help="a checkout of RTNeural, with its modules Eigen and json")
    arguments.add_argument("--xsimd", type=Path, help="a checkout of xsimd")
    arguments.add_argument(
        "--only", help="parts, separated by commas: lstm, denoiser, block, python, int8, itself, 16, 40"
    )
    given = arguments.parse_args()
    torch.set_num_threads(1)
    every = parts((given.rtneural, given.xsimd) if given.rtneural and given.xsimd else None)
    chosen = given.only.split(",") if given.only else [*every]
    if unknown := [name for name in chosen if name not in every]:
        arguments.error(f"--only {unknown[0]}: there is no such part; there are {', '.join(every)}")
    print("| | beside | ours | theirs | times as long | target |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        for name in chosen:
            for row in every[name](Path(folder)):
                print(f"| {' | '.join(row)} |", flush=True)
    print(f"\n{processor()}, one thread.")


if __name__ == "__main__":
    main()
