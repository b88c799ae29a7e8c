"""A kernel that Triton has compiled is launched again without Triton's search, where the search would find it."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("triton")
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from tidegate.engine.backends.triton.emit.compiled import Compiled
from tidegate.engine.backends.triton.emit.kernel import CONSTANTS
from tidegate.engine.backends.triton.launch import one_launch
from tidegate.engine.backends.triton.launch.one_launch import OneLaunch, variant

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="it pretends that there is a GPU")
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def not_interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_launch, "interpreted", lambda: False)


class Recorded:
    """Stands for Triton's function, and for what it compiles."""

    def __init__(self) -> None:
        self.searches, self.launches = list[dict[str, Any]](), list[tuple[Any, ...]]()

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        def run(*args: Any, **given: Any) -> "Recorded":
            if given:
                self.searches.append(given)
            else:
                self.launches.append((grid, args))
            return self

        return run


def test_triton_is_asked_once_for_each_kind_of_arguments() -> None:
    function = Recorded()
    kernel, x = Compiled(function, {}, ""), torch.zeros(64)
    constants = {name: k for k, name in enumerate(CONSTANTS)} | {"num_warps": 4}

    def start(x: torch.Tensor, steps: int, **other: Any) -> bool:
        """Whether Triton was asked."""
        before = len(function.searches)
        OneLaunch(kernel, (3, 2), {"x": x, "steps": steps}, constants | other).start(CPU)
        return len(function.searches) > before

    assert start(x, 5)
    assert not start(x[4:], 7)
    grid, args = function.launches[-1]
    assert grid == (3, 2, 1)
    assert args[0].data_ptr() == x[4:].data_ptr()
    assert args[1:] == (7, *range(len(CONSTANTS)))
    for changed in ((x[1:], 5), (x.bfloat16(), 5), (x, 1), (x, 16), (x, 2**31 + 1)):
        assert start(*changed)
        assert not start(*changed)
    assert start(x, 5, UNITS=32)
    assert start(x, 5, num_warps=8)
    assert not start(x, 5)


PRETENDED = SimpleNamespace(
    get_current_device=lambda: 0,
    get_current_stream=lambda device=None: 0,
    get_current_target=lambda: GPUTarget("cuda", 90, 32),
)


def copied(x, n, SIZE: tl.constexpr):  # type: ignore[no-untyped-def]
    tl.store(x + n, SIZE)


def test_arguments_of_one_kind_are_one_variant_for_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    function, compiled = JITFunction(copied), dict[str, Any]()
    launched = SimpleNamespace(
        launch_metadata=lambda *_: None, run=lambda *_: None, function=None, packed_metadata=None
    )
    monkeypatch.setattr(
        function, "_do_compile", lambda key, *_: compiled.setdefault(key, SimpleNamespace(**vars(launched)))
    )
    monkeypatch.setattr(driver, "_active", PRETENDED)  # there is nothing that `reset_active` could return to
    memory = torch.zeros(64)
    tensors = [memory, memory[1:], memory[4:], memory.half(), memory.half()[8:], memory.half()[4:]]
    numbers = [0, 1, 2, 15, 16, 17, 32, 2**31 - 1, 2**31, 2**31 + 1, 2**40]
    kinds = {}
    for x, n in itertools.product(tensors, numbers):
        kernel = function[1,](x=x, n=n, SIZE=1, enable_fp_fusion=True)
        assert kinds.setdefault((variant(x), variant(n)), kernel) is kernel, (x.dtype, x.data_ptr() % 16, n)
    assert len(kinds) == len(compiled) > 8
