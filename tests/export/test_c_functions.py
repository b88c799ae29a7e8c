"""The functions of one number in C are as accurate as their comments say."""

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tidegate.export.c.c_functions import definitions

BOUNDS = {"exp": 2.0, "sigmoid": 4.0, "tanh": 3.0}  # ulp
EXACT: dict[str, Any] = {"exp": np.exp, "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}
LARGEST = {"exp": 86.0, "sigmoid": 86.0, "tanh": 1e30}  # beyond, the exponential is that of a bound


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
def test_functions_are_accurate(tmp_path: Path) -> None:
    loops = "".join(
        f"void all_{name}(const float *x, float *y, int n) {{ for (int k = 0; k < n; ++k) y[k] = {name}_(x[k]); }}\n"
        for name in BOUNDS
    )
    head = "#include <math.h>\n#include <stdint.h>\n"
    (tmp_path / "functions.c").write_text(head + definitions(BOUNDS) + "\n" + loops)
    library = tmp_path / "functions.so"
    subprocess.run(
        ["cc", "-std=c11", "-O2", "-shared", "-fPIC", "-o", library, tmp_path / "functions.c", "-lm"], check=True
    )
    functions = ctypes.CDLL(str(library))
    sizes = np.float32(2.0) ** np.linspace(-60, 6.4, 40_001, dtype=np.float32)
    x = np.concatenate([sizes, -sizes, [0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan]]).astype(np.float32)
    for name, bound in BOUNDS.items():
        y = np.empty_like(x)
        run = getattr(functions, f"all_{name}")
        run(ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(y.ctypes.data), ctypes.c_int(len(x)))
        assert np.isnan(y[-1])
        inside = np.abs(x) <= LARGEST[name]
        exact = EXACT[name](x[inside].astype(np.float64))
        assert np.max(np.abs(y[inside] - exact) / np.spacing(np.abs(exact).astype(np.float32))) <= bound
        if name == "tanh":
            assert list(y[-3:-1]) == [1, -1]
            assert np.array_equal(y[: len(sizes)], -y[len(sizes) : 2 * len(sizes)])
            assert np.signbit(y[-6])
