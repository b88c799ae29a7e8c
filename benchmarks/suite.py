"""The measurements: a few jobs per case, each of which returns rows."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks import fresh, gemm, ours, parity
from benchmarks.cases import AGAINST_PEERS, Case
from benchmarks.contender import Contender
from benchmarks.layers import DROP_INS
from benchmarks.measure import Spread, pairs, spread
from benchmarks.peers import Peer, loop, torch_nn
from benchmarks.problem import Mode, Setting, pose
from benchmarks.rows import Row, ratio_row

PROCESSES = 3  # a measurement in new processes takes seconds: one for every 3 pairs of turns
MODES: tuple[Mode, ...] = ("inference", "training")


@dataclass(frozen=True)
class Job:
    """One measurement.

    Attributes:
        name: for the line of progress.
        measure: measure it.
    """

    name: str
    measure: Callable[[], list[Row]]


def jobs(cases: Sequence[Case], cells: Sequence[str], peers: Sequence[Peer], repeats: int) -> list[Job]:
    """List all measurements, in order.

    Args:
        cases: shapes and kinds.
        cells: names of cells; a case of one particular cell is left out if the cell is not among them.
        peers: the libraries to compare with.
        repeats: pairs of turns for each figure.
    """
    found: list[Job] = []
    for case in cases:
        if case.kind in AGAINST_PEERS:
            found += _against_peers(case, cells, peers, repeats)
        else:
            found += OWN[case.kind](case, cells, repeats)
    return found


def _against_peers(case: Case, cells: Sequence[str], peers: Sequence[Peer], repeats: int) -> Iterator[Job]:
    for cell in cells:
        for mode in MODES[:1] if case.kind == "streaming" else MODES:
            setting = Setting(cell, case, mode)
            for peer in peers:
                if peer.supports(setting):
                    measure = functools.partial(_against_peer, setting, peer, repeats)
                    yield Job(f"{setting} against {peer.name}", measure)
            if case.kind == "packed" and cell in DROP_INS:
                yield Job(f"{setting} against our padded time", functools.partial(_against_padded, setting, repeats))


def _against_peer(setting: Setting, peer: Peer, repeats: int) -> list[Row]:
    problem = pose(setting)
    theirs, mine = peer.prepare(problem), ours.prepare(problem)
    first = parity.check(f"{setting} against {peer.name}", theirs, mine)
    note = f"its first call {first:.1f} s" if first > 0.5 else ""
    return [_row(setting, peer.name, theirs, mine, repeats, note=note)]


def _check(cell: str, case: Case, mode: Mode) -> None:
    """Check our layer against the cell's equations, where it is timed alone or against itself."""
    setting = Setting(cell, replace(case, kind=""), mode)
    problem = pose(setting)
    parity.check(str(setting), loop.prepare(problem), ours.prepare(problem))


def _row(
    setting: Setting,
    against: str,
    first: Contender,
    second: Contender,
    repeats: int,
    *,
    scale: float = 1.0,
    note: str = "",
) -> Row:
    taken = pairs(first.run, second.run, repeats)
    kind = setting.case.kind or "plain"
    return ratio_row(kind, setting.cell, str(setting.case), setting.mode, against, taken, scale=scale, note=note)


def _against_padded(setting: Setting, repeats: int) -> list[Row]:
    """Our time with lengths over (valid share x our time without)."""
    problem = pose(setting)
    assert problem.lengths is not None
    parity.check(str(setting), torch_nn.prepare(problem), ours.prepare(problem))
    share = problem.lengths.sum().item() / (setting.case.batch * setting.case.steps)
    full = ours.prepare(replace(problem, lengths=None))
    note = f"ours with lengths over (valid share {share:.2f} x ours padded)"
    row = _row(setting, "valid share x ours padded", ours.prepare(problem), full, repeats, scale=1 / share, note=note)
    return [row]


def _peephole(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Our LSTM's time over our peephole LSTM's."""

    def measure(mode: Mode) -> list[Row]:
        for cell in ("lstm", "peephole_lstm"):
            _check(cell, case, mode)
        plain, peephole = (Setting(cell, replace(case, kind=""), mode) for cell in ("lstm", "peephole_lstm"))
        row = _row(plain, "our lstm", ours.prepare(pose(plain)), ours.prepare(pose(peephole)), repeats)
        return [replace(row, kind="peephole", cell="peephole_lstm", case=str(case))]

    if "peephole_lstm" in cells:
        for mode in MODES:
            yield Job(f"our lstm over our peephole_lstm, {case} {mode}", functools.partial(measure, mode))


def _recording(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Recording all gates over recording none; both must compute the same."""
    setting = Setting("lstm", case, "training")

    def measure() -> list[Row]:
        _check("lstm", case, "training")
        problem = pose(setting)
        recording, plain = ours.prepare_recording(problem), ours.prepare(problem)
        parity.check(f"{setting} against not recording", plain, recording)
        return [_row(setting, "not recording", recording, plain, repeats)]

    if "lstm" in cells:
        yield Job(f"{setting}: all gates over none", measure)


def _share(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """FLOP/s in products over the fastest product's."""

    def measure() -> list[Row]:
        product = gemm.fastest_product(torch.get_num_threads())
        rows = []
        for work in gemm.recurrent_part(case):
            taken = pairs(product.run, work.run, repeats)
            note = f"peak {product.flops / taken.first.median / 1e9:.0f} GFLOP/s, {product.name}"
            scale = work.flops / product.flops
            rows.append(ratio_row("share", "lstm", str(case), work.name, "GEMM peak", taken, scale=scale, note=note))
        return rows

    if "lstm" in cells:
        yield Job(f"lstm {case}: FLOP/s over the peak's", measure)


def _memory(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Our peak of a training step over torch.nn's."""

    def measure(cell: str) -> list[Row]:
        _check(cell, case, "training")
        threads = torch.get_num_threads()
        taken = [
            (fresh.peak_memory("tidegate", cell, case, threads), fresh.peak_memory("torch.nn", cell, case, threads))
            for _ in range(max(1, repeats // PROCESSES))
        ]
        found = spread([mine / theirs for mine, theirs in taken])
        mine, theirs = (spread([pair[k] for pair in taken]).median / 2**20 for k in (0, 1))
        note = f"{mine:.0f} against {theirs:.0f} MiB"
        return [_absolute("memory", cell, case, "training", "torch.nn", "x", found, note)]

    for cell in DROP_INS:
        if cell in cells:
            yield Job(f"{cell} {case}: in processes of their own", functools.partial(measure, cell))


def _first_call(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """Seconds from the first call to its result, kernels not yet compiled or on disk."""

    def measure(cell: str, mode: Mode) -> list[Row]:
        _check(cell, case, mode)
        taken = [
            fresh.first_calls(cell, case, mode, torch.get_num_threads()) for _ in range(max(1, repeats // PROCESSES))
        ]
        return [
            _absolute("first call", cell, case, mode, f"{kind} cache", "s", spread([pair[k] for pair in taken]))
            for k, kind in enumerate(("cold", "warm"))
        ]

    for cell in cells:
        for mode in MODES:
            yield Job(f"{cell} {case} {mode}: in fresh processes", functools.partial(measure, cell, mode))


def _absolute(
    kind: str, cell: str, case: Case, mode: str, against: str, unit: str, found: Spread, note: str = ""
) -> Row:
    return Row(kind, cell, str(case), mode, against, unit, found.median, found.low, found.high, note=note)


OWN: dict[str, Callable[[Case, Sequence[str], int], Iterator[Job]]] = {
    "peephole": _peephole,
    "recording": _recording,
    "share": _share,
    "memory": _memory,
    "first call": _first_call,
}
