"""How many threads a call uses: what the process is allowed, what others leave, and threads that come late."""

import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("llvmlite")
from tidegate.engine.backends.llvm.launch import cores, launcher
from tidegate.engine.backends.llvm.launch.replay import replayed_forward
from tidegate.nn import LSTM


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, 1.5),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "50000 100000"}, 0.5),
        ("0::/not/seen/from/here\n", {"cpu.max": "400000 100000"}, 4.0),
        ("0::/\n", {}, math.inf),
        ("3:cpuset:/x\n1:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "1"}, math.inf),
        ("1:cpu:/x\n0::/\n", {"cpu/cpu.cfs_quota_us": "250000", "cpu/cpu.cfs_period_us": "100000"}, 2.5),
    ],
)
def test_quotas_of_control_groups(groups: str, files: dict[str, str], expected: float, tmp_path: Path) -> None:
    """The smallest of a group and those around it, as the kernel's documentation of both versions has them."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    (tmp_path / "groups").write_text(groups)
    assert cores.quota(str(tmp_path / "groups"), str(tmp_path)) == expected


def test_no_control_groups(tmp_path: Path) -> None:
    assert cores.quota(str(tmp_path / "none"), str(tmp_path)) == math.inf


@pytest.mark.parametrize(
    ("has", "idle", "own", "in_calls", "share"),
    [
        (2, 1.0, 1.0, 0.9, 2),  # alone, on one thread
        (2, 0.0, 2.0, 1.0, 2),  # alone, on two
        (2, 0.0, 1.0, 1.0, 1),  # on one thread, beside another process
        (2, 0.0, 1.33, 1.0, 1),  # on two threads, beside another process
        (2, 0.3, 1.5, 0.5, 2),  # with others that need little
        (2, 0.0, 2.0, 1.9, 1),  # two callers
        (8, 6.0, 2.0, 2.0, 4),
        (8, 1.0, 4.0, 1.0, 5),
        (8, 0.0, 0.1, 1.0, 1),
        (8, 0.0, 8.0, 20.0, 1),
        (8, None, 0.1, 1.0, 8),  # a system that does not count
    ],
)
def test_the_share_of_a_call(
    has: int, idle: float | None, own: float, in_calls: float, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 0.2
    counted = iter([(0.0, 0.0), (0.0, 0.0) if idle is None else (has * passed, idle * passed)])
    clocks = iter([5.0, 5.0 + own * passed])
    monkeypatch.setattr(cores, "cores", lambda: has)
    monkeypatch.setattr(cores, "_times", lambda: next(counted))
    monkeypatch.setattr(time, "process_time", lambda: next(clocks))
    use = cores._Use()
    assert use.share == has
    use.in_calls = in_calls * passed
    use.look(use.looked + passed)
    assert use.share == share


def test_only_one_of_many_callers_looks_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    use = cores._Use()
    monkeypatch.setattr(cores, "_times", lambda: looks.append(time.sleep(0.01)))
    later = use.looked + 1
    callers = [threading.Thread(target=use.look_if_it_is_time, args=(later + n / 1e6,)) for n in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(looks) == 1
    began = use.looked = use.looked - 100
    use.look(time.perf_counter())
    assert use.looked > began
    assert use.pause >= 1  # a look took 10 ms


def test_the_systems_count_agrees_with_the_clock() -> None:
    before, start = cores._times(), time.perf_counter()
    if before is None:
        pytest.skip("no count of idle time here")
    time.sleep(0.2)
    after, passed = cores._times(), time.perf_counter() - start
    assert after is not None
    counted = (after[0] - before[0]) / len(os.sched_getaffinity(0))
    assert counted == 0 or abs(counted - passed) < 0.1
    assert after[1] - before[1] <= after[0] - before[0]


def test_a_thread_that_comes_late_changes_no_number_and_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = LSTM(8, 40, backend="llvm"), torch.randn(7, 1, 8)
    expected = layer(x)[0]
    late, use = 0.05, SimpleNamespace(share=2)

    def run(function: Any, table: Any, parts: int, keep_alive: object) -> None:
        def other() -> None:
            time.sleep(late)
            function.call(table, 1, parts)

        started = threading.Thread(target=other) if parts > 1 else None
        if started:
            started.start()
        function.call(table, 0, parts)
        if started:
            started.join()

    monkeypatch.setattr(launcher, "run_parts", run)
    monkeypatch.setattr(replayed_forward, "kind_of", lambda *_: None)  # every call is prepared anew
    monkeypatch.setattr(launcher, "can_wait_for_one_another", lambda: True)
    monkeypatch.setattr(launcher, "cores", lambda: 2)
    monkeypatch.setattr(launcher, "threads_to_use", lambda: use.share)
    monkeypatch.setattr(cores, "_use", lambda: SimpleNamespace(look_if_it_is_time=lambda now: None, in_calls=0.0))
    monkeypatch.setattr(launcher, "partner_was_late", lambda: setattr(use, "share", 1))
    assert torch.equal(layer(x)[0], expected)
    assert use.share == (1 if sys.platform == "linux" else 2)
    use.share = 1
    assert torch.equal(layer(x)[0], expected)


POOL = """
import torch, tidegate
from tidegate.engine.backends.llvm.launch import threads
assert threads.openmp() is None and not threads.can_wait_for_one_another()
torch.manual_seed(0)
found = []
for count in (1, 3):
    torch.set_num_threads(count)
    for batch in (1, 17):
        torch.manual_seed(batch)
        layer, x = tidegate.nn.GRU(24, 33, backend="llvm"), torch.randn(9, batch, 24, requires_grad=True)
        y = layer(x, lengths=[1 + k % 9 for k in range(batch)])[0]
        found.append([y, *torch.autograd.grad(y.sin().sum(), [x, *layer.parameters()])])
for few, many in zip(found[:2], found[2:], strict=True):
    assert all(map(torch.equal, few, many))
"""


@pytest.mark.parametrize(
    ("wanted", "program", "said"),
    [
        ("pool", POOL, ""),
        (
            "two",
            "import torch, tidegate; tidegate.nn.LSTM(3, 5)(torch.zeros(2, 1, 3))",
            "TIDEGATE_THREADS must be pool",
        ),
    ],
)
def test_a_pool_of_python_threads_in_place_of_pytorchs(wanted: str, program: str, said: str) -> None:
    there = os.environ | {"TIDEGATE_THREADS": wanted}
    done = subprocess.run([sys.executable, "-c", program], env=there, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(said), done.stderr
    assert said in done.stderr
