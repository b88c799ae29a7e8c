"""A process that runs an ONNX model with ONNX Runtime: ``python onnx_worker.py FOLDER THREADS SPINNING CARRIED``.

FOLDER has ``model.onnx`` and ``inputs.npz``. CARRIED are the names of states, separated by commas: after each call the
output ``NAME_n`` becomes the input NAME. Each line on standard input is answered by the seconds that it took:

* ``solve`` runs the model once and writes its first output to ``output.npy``;
* ``time N`` runs it N times from the present state and goes back to it.

An answer comes when the runtime's threads have stopped spinning, so that they do not disturb what runs next.

It imports neither Tidegate nor PyTorch, whose threads would share the processor.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

QUIET = 0.002  # seconds in which a process at rest does next to nothing
PATIENCE = 1.0  # seconds after which a process that still computes is an error


def prepare(folder: Path, threads: int, spinning: str, carried: list[str]) -> tuple[Callable[[], Any], dict[str, Any]]:
    """Load the model and return what runs it once, and its inputs by name, which hold the present state."""
    import onnxruntime  # pyright: ignore[reportMissingImports]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    given = dict(np.load(folder / "inputs.npz"))
    outputs = [f"{name}_n" for name in carried] or ["output"]

    def run() -> Any:
        found = session.run(outputs, given)
        given.update(zip(carried, found, strict=False))
        return found[0]

    return run, given


def settle() -> None:
    """Wait until the threads of this process no longer spin.

    Raises:
        RuntimeError: they still do after a second.
    """
    end = time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(QUIET)
        if time.process_time() - before < QUIET / 4:
            return
    raise RuntimeError(f"the threads of ONNX Runtime still spin {PATIENCE} s after a call")


def main(folder: str, threads: str, spinning: str, carried: str) -> None:
    """Answer until standard input ends."""
    run, given = prepare(Path(folder), int(threads), spinning, carried.split(",") if carried else [])
    for line in sys.stdin:
        what, _, calls = line.partition(" ")
        before = dict(given)
        start = time.perf_counter()
        if what.strip() == "solve":
            found = run()
            taken = time.perf_counter() - start
            np.save(Path(folder) / "output.npy", found)
        else:
            for _ in range(int(calls)):
                run()
            taken = time.perf_counter() - start
            given.update(before)
        settle()
        print(taken, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
