"""Our layer in turns with the peers', and with itself at another size or dtype."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks import ours, parity
from benchmarks.cases import Case
from benchmarks.kinds.job import Job, ratio
from benchmarks.layers import DROP_INS
from benchmarks.peers import Peer, torch_nn
from benchmarks.problem import Setting, pose
from benchmarks.rows import Row

SLOW = 0.5  # seconds of a peer's first call that are told


def jobs(case: Case, cells: Sequence[str], peers: Sequence[Peer], repeats: int) -> Iterator[Job]:
    """List the jobs of a case."""
    for cell in cells:
        for mode in case.modes:
            setting = Setting(cell, case, mode)
            for peer in peers:
                if peer.supports(setting):
                    measure = functools.partial(_against_peer, setting, peer, repeats)
                    yield Job(f"{setting} against {peer.name}", measure)
            if cell in DROP_INS and case.kind in OURSELVES:
                against, measured = OURSELVES[case.kind]
                yield Job(f"{setting} against {against}", functools.partial(measured, setting, against, repeats))


def _against_peer(setting: Setting, peer: Peer, repeats: int) -> list[Row]:
    problem = pose(setting)
    theirs, mine = peer.prepare(problem), ours.prepare(problem)
    first = parity.check(f"{setting} against {peer.name}", theirs, mine)
    note = f"its first call {first:.1f} s" if first > SLOW else ""
    return [ratio(problem, peer.name, theirs, mine, repeats, note=note)]


def _against_padded(setting: Setting, against: str, repeats: int) -> list[Row]:
    """Our time with lengths over (valid share x our time without)."""
    problem = pose(setting)
    assert problem.lengths is not None
    parity.check(str(setting), torch_nn.prepare(problem), ours.prepare(problem))
    share = problem.lengths.sum().item() / (setting.case.batch * setting.case.steps)
    full = ours.prepare(replace(problem, lengths=None))
    note = f"ours with lengths over (valid share {share:.2f} x ours padded)"
    row = ratio(problem, against, ours.prepare(problem), full, repeats, scale=1 / share, note=note)
    return [replace(row, share=None)]  # what is in the denominator has other lengths


def _against_float32(setting: Setting, against: str, repeats: int) -> list[Row]:
    """Our time in float32 over ours in half precision."""
    problem = pose(setting)
    single = ours.prepare(pose(replace(setting, case=replace(setting.case, kind=""))))
    mine = ours.prepare(problem)
    parity.check(f"{setting} against {against}", single, mine)
    return [ratio(problem, against, single, mine, repeats)]


OURSELVES = {
    "packed": ("valid share x ours padded", _against_padded),
    "bfloat16": ("our float32", _against_float32),
}
