"""A process that runs an ONNX model with ONNX Runtime on one thread: ``python ort_worker.py FOLDER``.

FOLDER has ``model.onnx`` and ``x.npy``, (calls, shape of the input x): what calls read in turn. The other inputs are
states; a state's next value is the output of its name with ``_n``. Memory for inputs and outputs is bound once, two
bindings take turns, and calls go to the session below Python's own wrapper, whose work for options takes longer than a
step. Each line on standard input is answered by the seconds that it took: ``solve`` runs all of x once, from
states of zeros, and writes ``outputs.npy``; ``time N`` makes N calls, and ``run N`` N calls of ``session.run``, which
takes and returns NumPy arrays.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


class Session:
    """A model with bound memory."""

    def __init__(self, folder: Path):
        import onnxruntime  # pyright: ignore[reportMissingImports]

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session: Any = onnxruntime.InferenceSession(
            (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        self.x = np.load(folder / "x.npy")
        make = onnxruntime.OrtValue.ortvalue_from_numpy
        zeros = {it.name: np.zeros(it.shape, np.float32) for it in [*session.get_inputs(), *session.get_outputs()]}
        self.frames = [make(it) for it in self.x]
        self.states = [[make(zeros[it.name]) for it in session.get_inputs()[1:]] for _ in range(2)]
        names = [it.name for it in session.get_inputs()[1:]]
        self.y = make(zeros[session.get_outputs()[0].name])
        self._bindings = []
        for turn in range(2):
            row = []
            for frame in self.frames:
                binding = session.io_binding()
                binding.bind_ortvalue_input(session.get_inputs()[0].name, frame)
                binding.bind_ortvalue_output(session.get_outputs()[0].name, self.y)
                for name, before, after in zip(names, self.states[turn], self.states[1 - turn], strict=True):
                    binding.bind_ortvalue_input(name, before)
                    binding.bind_ortvalue_output(f"{name}_n", after)
                row.append(binding)
            self._bindings.append(row)
        self._bare = [[it._iobinding for it in row] for row in self._bindings]
        self._plain: Any = session.run
        self._names = names
        self._run: Any = session._sess.run_with_iobinding
        self._options = onnxruntime.RunOptions()

    def solve(self) -> np.ndarray[Any, Any]:
        """Return the first output of all calls, from states of zeros."""
        for state in self.states[0]:
            state.update_inplace(np.zeros(state.shape(), np.float32))
        found = []
        for n in range(len(self.x)):
            self._run(self._bare[n % 2][n], self._options)
            found.append(self.y.numpy().copy())
        return np.stack(found)

    def time(self, calls: int) -> float:
        """Return the seconds of a number of calls."""
        count = len(self.x)
        order = [self._bare[n % 2][n % count] for n in range(2 * count)]
        start = time.perf_counter()
        for n in range(calls):
            self._run(order[n % (2 * count)], self._options)
        return time.perf_counter() - start

    def time_run(self, calls: int) -> float:
        """Return the seconds of a number of calls of ``session.run`` with NumPy arrays, states handed on."""
        given = {"x": self.x[0], **{name: it.numpy() for name, it in zip(self._names, self.states[0], strict=True)}}
        start = time.perf_counter()
        for n in range(calls):
            given["x"] = self.x[n % len(self.x)]
            _, *states = self._plain(None, given)
            given.update(zip(self._names, states, strict=True))
        return time.perf_counter() - start


def main(folder: str) -> None:
    """Answer until standard input ends."""
    session = Session(Path(folder))
    for line in sys.stdin:
        what, _, calls = line.partition(" ")
        if what.strip() == "solve":
            np.save(Path(folder) / "outputs.npy", session.solve())
            print(0.0, flush=True)
        else:
            print((session.time if what == "time" else session.time_run)(int(calls)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
