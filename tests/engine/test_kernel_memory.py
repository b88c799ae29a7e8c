"""No kernel reads or writes outside its arguments, or depends on the contents of uninitialised memory."""

import ctypes
import itertools
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.guards import guarded, poisoned
from tests.harness import all_threads  # noqa: F401
from tests.kernel_runs import everything, numbers, same, some_lengths

from tidegate.cells import CELLS, Cell, lstm, projected, zoneout
from tidegate.engine.backends.llvm.front import prepared_step
from tidegate.engine.backends.llvm.front.reasons import multiplies_bfloat16
from tidegate.engine.backends.llvm.launch import buffers, launcher, threads
from tidegate.engine.backends.llvm.launch.matmul import multiply
from tidegate.engine.kernels import arguments
from tidegate.nn import Recurrent

IT: dict[str, Cell] = {name: CELLS[name] for name in ("lstm", "gru_original", "layer_norm_lstm", "min_gru")}
IT |= {"projected": projected(lstm), "masked": zoneout(lstm, 0.5)}
NAMES = pytest.mark.parametrize("name", IT)
Sizes = tuple[int, int, int, int]
GRID = list(itertools.product((1, 7), (1, 2, 3, 9), (1, 3, 17), (1, 5, 16, 17, 33, 64)))  # T, B, I, H


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    yield
    torch.set_num_threads(1)


def check(name: str, dtype: torch.dtype, grid: Iterable[Sizes], place: str = "bands", shared: int = 2) -> None:
    """Lengths, resets, direction, records, the pattern and the threads vary with the size."""
    it = IT[name]
    for n, sizes in enumerate(grid):
        steps, batch, _, units = sizes
        given = numbers(it, sizes, dtype, outputs=1 + units // 2 if name == "projected" else None)
        more: dict[str, Any] = {"lengths": some_lengths(steps, batch)} if n % 2 else {}
        more |= {"reset": torch.rand(steps, batch) < 0.3} if n % 3 else {}
        more |= {"reverse": True} if n % 5 > 2 else {}
        more |= {"record": "all"} if n % 7 == 1 else {}
        train = n % 11 > 0
        torch.set_num_threads(1)
        plain = everything(it, given, train=train, **more)
        kept = {name: value.clone() for name, value in given.items()}
        torch.set_num_threads(shared if n % 4 == 1 else 1)
        with guarded(place, pattern=(0xFF, 0x5A)[n % 2]):
            found = everything(it, given, train=train, **more)
        assert not same(plain, found), (sizes, more)
        assert not same(given, kept), (sizes, more)


@NAMES
def test_nothing_is_written_beyond_any_buffer(name: str) -> None:
    check(name, torch.float32, GRID[1::5])


@pytest.mark.parametrize("name", ["lstm", "gru_original"])
def test_nothing_is_written_beyond_any_buffer_in_double_precision(name: str) -> None:
    check(name, torch.float64, GRID[::5])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@NAMES
def test_all_sizes_of_all_cells(name: str, dtype: torch.dtype) -> None:
    check(name, dtype, GRID)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs mprotect")
@pytest.mark.parametrize("place", ["page after", pytest.param("page before", marks=pytest.mark.slow)])
def test_nothing_is_read_beyond_any_buffer(place: str) -> None:
    """There is a protected page next to every buffer; reading it ends the process."""
    code = f"""
import faulthandler, torch
from tests.engine.test_kernel_memory import GRID, IT, check, check_products
faulthandler.enable()
for name in IT:
    check(name, torch.float32, GRID[1::7], {place!r}, shared=1)
check("gru_original", torch.bfloat16, GRID[1::7], {place!r}, shared=1)
check_products({place!r})
"""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]


def check_products(place: str) -> None:
    dtypes = (torch.float32, torch.bfloat16) if multiplies_bfloat16() else (torch.float32,)
    sizes = [(1, 1, 1), (5, 3, 17), (6, 64, 64), (7, 65, 1), (48, 16, 5), (50, 70, 300), (300, 17, 33)]
    either = (False, True)
    for (rows, columns, elements), dtype, *flags in itertools.product(sizes, dtypes, either, either, either):
        a_turned, b_turned, add = flags
        torch.manual_seed(0)
        shape_a, shape_b = (elements, rows) if a_turned else (rows, elements), (columns, elements)
        # Both are columns of something wider, so their rows do not follow on one another.
        a, b = torch.randn(shape_a[0], shape_a[1] + 2)[:, 1:-1], torch.randn(shape_b[0], shape_b[1] + 3)[:, 2:-1]
        a, b = a.to(dtype), b.to(dtype)
        a, b = a.t() if a_turned else a, b.t() if not b_turned else b.t().contiguous()
        out, sums = torch.randn(rows, columns + 5), torch.randn(rows) if a_turned else None
        expected = a.double() @ b.double() + (out[:, 2:-3] if add else 0)
        old = out.clone()
        new_sums = None if sums is None else sums + a.float().sum(1)
        with guarded(place):
            multiply(a, b, out[:, 2:-3], add=add, sums=sums)
        torch.testing.assert_close(out[:, 2:-3].double(), expected, atol=2e-4, rtol=1e-4)
        assert torch.equal(out[:, :2], old[:, :2])
        assert torch.equal(out[:, -3:], old[:, -3:])
        if sums is not None:
            torch.testing.assert_close(sums, new_sums, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("several", [1, 3])
def test_products_write_only_their_result(several: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.engine.backends.llvm.launch.matmul.WORTH_SHARING", 0)
    torch.set_num_threads(several)
    check_products("bands")


@NAMES
@pytest.mark.parametrize("pool_from", [None, 1], ids=["fresh", "reused"])
def test_uninitialised_memory_has_no_influence(name: str, pool_from: int | None) -> None:
    for sizes in ((7, 1, 3, 17), (7, 9, 3, 33), (5, 3, 1, 16)):
        given = numbers(IT[name], sizes, outputs=7 if name == "projected" else None)
        reset = torch.rand(sizes[:2]) < 0.3
        more: dict[str, Any] = {"lengths": some_lengths(sizes[0], sizes[1]), "reset": reset, "record": "all"}
        for reverse in (False, True):
            runs = []
            for number in (float("nan"), 1e30, 0.0):
                with poisoned(number, pool_from=pool_from):
                    runs.append(everything(IT[name], given, reverse=reverse, **more))
            assert not same(runs[0], runs[1])
            assert not same(runs[0], runs[2])
            assert all(value.isfinite().all() for value in runs[0].values())


@pytest.mark.parametrize("name", ["lstm", "gru_original", "layer_norm_lstm"])
@pytest.mark.parametrize(("batch", "units"), [(1, 5), (1, 33), (3, 64), (9, 17)])
def test_a_step_at_a_time_is_within_its_buffers(
    name: str, batch: int, units: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_step, "WORTH_SHARING", 0)
    torch.set_num_threads(2)
    torch.manual_seed(0)
    layer, x = Recurrent(name, 3, units), torch.randn(5, batch, 3)
    with torch.no_grad():
        expected = layer(x)[0]
        with guarded() as guard:
            stepper = layer.stepper(batch)
            found = torch.stack([stepper(one).clone() for one in x])
    assert guard.launches >= len(x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("size", [5, 1 << 16])
def test_poisoned_memory_holds_the_poison(size: int) -> None:
    like = torch.zeros(0)
    with poisoned(7.0):
        fresh = [
            buffers.empty(size, like),
            launcher.empty(size, like),
            torch.empty(size),
            torch.empty_like(torch.ones(size)),
        ]
    assert all(bool((made == 7).all()) for made in fresh)


@pytest.mark.parametrize("fault", ["too far", "too early", "an input"])
def test_the_guards_see_a_fault(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = threads.run_parts

    def faulty(function: Any, table: Any, parts: int, keep_alive: object) -> None:
        real(function, table, parts, keep_alive)
        slots = {name: table[k] for name, k in function.table.items()}
        if arguments.out("h") in slots:
            own = slots[arguments.state("c")]
            end = own + 4 * 9 * slots[arguments.PADDED_HIDDEN]
            place = {"too far": end, "too early": own - 4, "an input": slots[arguments.X]}
            ctypes.c_float.from_address(place[fault]).value = 3.0

    monkeypatch.setattr(threads, "run_parts", faulty)
    with pytest.raises(AssertionError, match="beyond" if fault != "an input" else "only read"), guarded():
        everything(IT["lstm"], numbers(IT["lstm"], (3, 9, 2, 5)), train=False)
