"""Calls beside another process that computes, and two callers in one process: what threads cost where cores are taken.

Run it with ``python -m benchmarks.busy_neighbour``, or with some of its parts ``grid``, ``slowest`` and ``callers``.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import product

import torch

import tidegate

GRID = (
    (1, 100, 128),
    (1, 100, 512),
    (16, 100, 1024),
    (32, 100, 128),
    (32, 100, 512),
    (64, 100, 256),
    (128, 50, 512),
)  # batch, steps, hidden units
SIZES = ((1, 100, 128), (32, 100, 128))  # of the other parts
ROUNDS, SECONDS = 3, 0.3  # turns of each contender, and the least time of a turn
CALLS = 10_000  # of which the slowest is looked for
Run = Callable[[], object]


@contextlib.contextmanager
def neighbour() -> Iterator[None]:
    """Run another process that computes all the time."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        yield
    finally:
        busy.kill()
        busy.wait()


def prepared(kind: str, sizes: tuple[int, int, int], *, train: bool) -> Run:
    """Return a forward run, or a forward and a backward run, that has been called once."""
    batch, steps, hidden = sizes
    layer, x = getattr(tidegate.nn, kind)(hidden, hidden), torch.randn(steps, batch, hidden)
    ones = torch.ones(steps, batch, hidden)

    def run() -> None:
        with torch.set_grad_enabled(train):
            output = layer(x)[0]
        if train:
            output.backward(ones)
            layer.zero_grad()  # as optimizers do: PyTorch would add to what is there on all its threads

    run()
    return run


def turn(run: Run, threads: int) -> float:
    """Return seconds a call, of a block of calls on some threads."""
    torch.set_num_threads(threads)
    time.sleep(0.02)  # the threads of the turn before spin for a while
    run()
    calls, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < SECONDS or calls < 3:
        run()
        calls += 1
    return taken / calls


def grid(only: str) -> None:
    """Print the time on two threads over that on one, without the other process and beside it."""
    print("| | one thread, ms | two threads over one, alone | beside a busy process |\n|---|---|---|---|")
    for kind, sizes, train in product(("LSTM", "GRU"), GRID, (False, True)):
        name = f"{kind} {'x'.join(map(str, sizes))} {'training' if train else 'forward'}"
        if only not in name:
            continue
        run, rows = prepared(kind, sizes, train=train), []
        for beside in (contextlib.nullcontext(), neighbour()):
            with beside:
                found = [(turn(run, 1), turn(run, 2)) for _ in range(ROUNDS)]
            rows.append((statistics.median(one for one, _ in found), statistics.median(b / a for a, b in found)))
        print(f"| {name} | {1e3 * rows[0][0]:.2f} | {rows[0][1]:.2f} | {rows[1][1]:.2f} |", flush=True)


def slowest(only: str) -> None:
    """Print the slowest of many calls beside a busy process, over the median."""
    print("| | threads | calls | median, ms | 99.9% | slowest | calls over 3 medians |\n|---|---|---|---|---|---|---|")
    for sizes, threads in product(SIZES, (1, 2)):
        name = "x".join(map(str, sizes))
        if only not in name:
            continue
        run, taken = prepared("LSTM", sizes, train=False), []
        torch.set_num_threads(threads)
        with neighbour():
            for _ in range(CALLS):
                start = time.perf_counter()
                run()
                taken.append(time.perf_counter() - start)
        middle, taken = statistics.median(taken), sorted(taken)
        late = sum(one > 3 * middle for one in taken)
        shown = (
            f"{1e3 * middle:.2f} | {taken[-1 - len(taken) // 1000] / middle:.1f} | {taken[-1] / middle:.1f} | {late}"
        )
        print(f"| LSTM {name} forward | {threads} | {len(taken)} | {shown} |", flush=True)


def callers(only: str) -> None:
    """Print calls a second of two Python threads that call at once, over those of one."""
    print(
        "| | threads of each | one caller, calls a second | two over one | slower over faster |\n|---|---|---|---|---|"
    )
    for sizes, threads in product(SIZES, (1, 2)):
        name = "x".join(map(str, sizes))
        if only not in name:
            continue
        runs = [prepared("LSTM", sizes, train=False) for _ in range(2)]
        found = [(sum(together(runs[:1], threads)), together(runs, threads)) for _ in range(ROUNDS)]
        one = statistics.median(alone for alone, _ in found)
        ratio = statistics.median(sum(both) / alone for alone, both in found)
        fair = statistics.median(min(both) / max(both) for _, both in found)
        print(f"| LSTM {name} forward | {threads} | {one:.0f} | {ratio:.2f} | {fair:.2f} |", flush=True)


def together(runs: list[Run], threads: int) -> list[float]:
    """Return calls a second of each caller, in threads of their own."""
    counts, begin, end = [0] * len(runs), threading.Barrier(len(runs)), [0.0]

    def call(n: int) -> None:
        torch.set_num_threads(threads)
        runs[n]()
        begin.wait()
        until = time.perf_counter() + 2 * SECONDS
        while time.perf_counter() < until:
            runs[n]()
            counts[n] += 1
        end[0] = max(end[0], time.perf_counter())

    started = [threading.Thread(target=call, args=(n,)) for n in range(len(runs))]
    for one in started:
        one.start()
    for one in started:
        one.join()
    return [count / (2 * SECONDS) for count in counts]


PARTS = {"grid": grid, "slowest": slowest, "callers": callers}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    given = parser.parse_args()
    for part in given.parts or PARTS:
        PARTS[part](given.only)


if __name__ == "__main__":
    main()
