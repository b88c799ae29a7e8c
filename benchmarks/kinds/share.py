"""What a loop over time reaches of the machine's fastest product."""

from collections.abc import Iterator, Sequence

import torch

from benchmarks.cases import Case
from benchmarks.kinds import gemm
from benchmarks.kinds.job import Job
from benchmarks.measure import pairs, timer
from benchmarks.rows import Row, ratio_row


def jobs(case: Case, cells: Sequence[str], repeats: int) -> Iterator[Job]:
    """FLOP/s in products over the fastest product's."""

    def measure() -> list[Row]:
        product, _ = gemm.fastest_product(torch.get_num_threads())
        rows = []
        for work in gemm.recurrent_part(case):
            taken = pairs(timer(product.run), timer(work.run), repeats)
            note = f"peak {product.flops / taken.first.median / 1e9:.0f} GFLOP/s, {product.name}"
            scale = work.flops / product.flops
            rows.append(ratio_row("share", "lstm", str(case), work.name, "GEMM peak", taken, scale=scale, note=note))
        return rows

    if "lstm" in cells:
        yield Job(f"lstm {case}: FLOP/s over the peak's", measure)
