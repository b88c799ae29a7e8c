"""What a Scan, and products in 8 bits, cost in ONNX Runtime: ``python -m benchmarks.exports.onnx_layers``.

It prints a table in Markdown. Both contenders are files of `tidegate.export.onnx`, which compares them with Python, and
run in this process on one thread. A figure is the median of pairs of turns, the ratio that of the pairs' ratios with
its quartiles. Needs onnx and onnxruntime.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

import tidegate
from benchmarks.machine import processor
from benchmarks.measure import Timer, pairs
from tidegate import export
from tidegate.cells import get_cell, zoneout

TURNS = 15
SCANNED = zoneout(get_cell("lstm"), 0.1)  # in ONNX Runtime the LSTM with eight operations more, which no operator has


def timer(model: nn.Module, folder: Path, steps: int, batch: int, **options: Any) -> Timer:
    """Return what times calls of a model's file from states of zeros."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    own = onnxruntime.SessionOptions()
    own.intra_op_num_threads = own.inter_op_num_threads = 1
    own.add_session_config_entry("session.intra_op.allow_spinning", "0")
    made = export.onnx(model.eval(), folder / "model.onnx", **options)
    session = onnxruntime.InferenceSession(made.path.read_bytes(), own, providers=["CPUExecutionProvider"])
    sizes = {"time": steps, "batch": batch}
    given = {
        name: np.random.default_rng(0).normal(size=[sizes.get(it, it) for it in shape]).astype(np.float32)  # type: ignore[arg-type]
        for name, shape in made.inputs.items()
    }
    run: Any = session.run

    def seconds(calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            run(None, given)
        return time.perf_counter() - start

    return seconds


def row(what: str, first: Timer, second: Timer) -> str:
    """Time two contenders in turns, and return a line of the table."""
    found = pairs(second, first, TURNS)
    ratio = f"{found.ratio.median:.2f} ({found.ratio.low:.2f} to {found.ratio.high:.2f})"
    return f"| {what} | {1e6 * found.second.median:,.0f} | {1e6 * found.first.median:,.0f} | {ratio} |"


def main() -> None:
    """Print the table."""
    print(f"{processor()}, one thread; microseconds\n")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        print("| 100 steps | LSTM operator | Scan, LSTM with zoneout | ratio |\n|---|---|---|---|")
        for units, batch in ((32, 1), (128, 1), (512, 1), (32, 16), (128, 16)):
            layers = (tidegate.nn.Recurrent(it, units, units) for it in ("lstm", SCANNED))
            timers = [timer(it, folder, 100, batch) for it in layers]
            print(row(f"{units} units, batch of {batch}", *timers), flush=True)
        print("\n| a step of an LSTM | float32 | 8 bits | ratio |\n|---|---|---|---|")
        for units in (128, 256, 512, 1024):
            layer = nn.LSTM(units, units)
            timers = [timer(layer, folder, 1, 1, step=True, int8=it) for it in (False, True)]
            print(row(f"{units} units", *timers), flush=True)


if __name__ == "__main__":
    main()
