"""The measurements: a few jobs per case, each of which returns rows."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.cases import AGAINST_PEERS, Case
from benchmarks.kinds import against_peers, ourselves, processes, share
from benchmarks.kinds.job import Job
from benchmarks.peers import Peer

OWN: dict[str, Callable[[Case, Sequence[str], int], Iterator[Job]]] = {
    "peephole": ourselves.peephole,
    "recording": ourselves.recording,
    "batch invariant": ourselves.batch_invariant,
    "int8": ourselves.int8,
    "share": share.jobs,
    "memory": processes.memory,
    "first call": processes.first_call,
    "AVX2": processes.on_avx2,
    "AVX2 share": processes.on_avx2,
}


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
            found += against_peers.jobs(case, cells, peers, repeats)
        else:
            found += OWN[case.kind](case, cells, repeats)
    return found
