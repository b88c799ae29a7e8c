"""Our layer against itself, and in processes of its own."""

import re
import sys
from dataclasses import replace

import pytest
from benchmarks.cases import X86, Case, parse
from benchmarks.contender import Contender
from benchmarks.kinds import job
from benchmarks.kinds.gemm import recurrent_part
from benchmarks.layers import CELLS, REGISTRY
from benchmarks.peers import loop
from benchmarks.problem import Problem, Setting, pose

from benchmarks import Row, jobs, ours, parity
from tidegate.errors import ParityError


def measured(text: str, cells: list[str], repeats: int = 1) -> list[Row]:
    return [row for job in jobs([parse(text)], cells, [], repeats) for row in job.measure()]


def test_the_peephole_lstm_is_compared_in_both_modes() -> None:
    rows = measured("2x3x4 peephole", ["peephole_lstm"])
    assert [(row.kind, row.mode, row.against) for row in rows] == [
        ("peephole", "inference", "our lstm"),
        ("peephole", "training", "our lstm"),
    ]


def test_results_that_do_not_depend_on_the_batch_are_compared_in_both_modes() -> None:
    rows = measured("3x3x4 batch invariant", ["lstm"])
    assert [(row.kind, row.mode, row.against) for row in rows] == [
        ("batch invariant", "inference", "our default"),
        ("batch invariant", "training", "our default"),
    ]


def test_recording_is_compared_in_training() -> None:
    (row,) = measured("2x3x4 recording", ["lstm"])
    assert (row.kind, row.mode, row.against) == ("recording", "training", "not recording")


def test_a_case_about_one_cell_is_left_out_without_it() -> None:
    for kind in ("peephole", "recording", "share", "memory"):
        assert jobs([parse(f"2x3x4 {kind}")], ["gru_original"], [], 1) == []


def test_padded_time_is_scaled_by_the_valid_share() -> None:
    (row,) = [row for row in measured("4x9x4 packed", ["gru"]) if row.mode == "training"]
    (share,) = map(float, re.findall(r"valid share (\S+) x", row.note))
    assert 0.25 <= share < 1
    assert row.theirs_ms
    assert row.ours_ms
    assert row.value == pytest.approx(row.theirs_ms / row.ours_ms / share, rel=0.02)  # the note has two digits


def test_operations_of_the_recurrent_part() -> None:
    alone, whole = recurrent_part(Case(2, 3, 4))
    assert alone.flops == 2 * 2 * 3 * (4 * 4 * 4)  # two for each weight, sequence and step
    assert whole.flops == 2 * alone.flops


@pytest.mark.parametrize(
    "text", ["2x3x4 peephole", "2x3x4 recording", "2x3x4 packed", "2x3x4 memory", "2x3x4 first call"]
)
def test_our_layer_alone_must_be_right_too(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = ours.prepare

    def sabotaged(problem: Problem) -> Contender:
        inner = prepare(problem)
        return replace(inner, results=lambda solved: {k: 1.01 * v for k, v in inner.results(solved).items()})

    monkeypatch.setattr(ours, "prepare", sabotaged)
    monkeypatch.setattr(ours, "prepare_recording", sabotaged)
    with pytest.raises(ParityError):
        measured(text, ["lstm", "peephole_lstm"])


def test_half_precision_is_compared_with_our_float32() -> None:
    rows = measured("2x3x4 bfloat16", ["lstm"])
    assert [(row.kind, row.mode, row.against) for row in rows] == [
        ("bfloat16", "inference", "our float32"),
        ("bfloat16", "training", "our float32"),
    ]


def test_steps_in_int8_are_compared_with_our_float32() -> None:
    (row,) = measured("1x1x5 int8", ["gru", "own_cell"])
    assert (row.kind, row.cell, row.mode, row.against) == ("int8", "gru", "inference", "our float32")


def test_first_calls_are_those_of_all_cells_unless_some_are_chosen() -> None:
    case = parse("2x3x4 first call")
    everything = [job.name for job in jobs([case], CELLS, [], 1)]
    assert len(everything) == 2 * len(CELLS) + len(set(REGISTRY) - set(CELLS))
    assert any(name.startswith("time_lstm") for name in everything)
    assert len(jobs([case], ["lstm"], [], 1)) == 2


def test_a_cell_of_the_registry_is_checked_against_its_equations() -> None:
    problem = pose(Setting("mgu", parse("2x3x4"), "training"))
    parity.check("mgu", loop.prepare(problem), ours.prepare(problem))


def test_operations_are_two_for_each_weight_and_valid_step() -> None:
    packed = pose(Setting("lstm", parse("3x8x5 packed"), "training"))
    assert packed.lengths is not None
    assert packed.flops == 3 * 2 * packed.lengths.sum() * (4 * 5 * 10)
    assert pose(Setting("gru", parse("2x3x4 bidirectional"), "inference")).flops == 2 * 6 * (2 * 3 * 4 * 8)


def test_a_row_has_its_share_of_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "UNITS", 4)
    monkeypatch.setattr(job, "fastest_product", lambda threads, dtype: (None, 1e9))
    problem = pose(Setting("lstm", Case(16, 2, 4), "inference"))
    contender = Contender(lambda: None, lambda _: {}, elsewhere=lambda calls: 0.002 * calls, note="told")
    row = job.ratio(problem, "another", contender, contender, 1)
    assert row.share == pytest.approx(problem.flops / 0.002 / 1e9)
    assert (row.value, row.ours_ms, row.note) == (1, pytest.approx(2), "told")


@pytest.mark.slow
@pytest.mark.skipif(not X86, reason="AVX2 is one of x86's instruction sets")
def test_avx2_is_measured_in_a_process_of_its_own() -> None:
    rows = measured("2x3x4 AVX2", ["lstm", "own_cell"])
    assert [(row.kind, row.cell, row.case, row.mode, row.against) for row in rows] == [
        ("AVX2", "lstm", "2x3x4 AVX2", mode, "torch.nn") for mode in ("inference", "training")
    ]


@pytest.mark.slow
def test_the_share_of_the_peak_is_one_of_flops_a_second() -> None:
    rows = measured("4x3x8 share", ["lstm"])
    assert [row.mode for row in rows] == ["recurrent part", "whole forward"]
    for row in rows:
        assert row.ours_ms
        peak = float(row.note.split()[1]) * 1e9
        flops = 2 * 4 * 3 * (4 * 8 * 8) * (2 if row.mode == "whole forward" else 1)
        assert row.value == pytest.approx(flops / (row.ours_ms / 1e3) / peak, rel=0.02)


@pytest.mark.slow
def test_first_calls_in_fresh_processes() -> None:
    rows = measured("2x3x4 first call", ["lstm"])
    assert [(row.mode, row.against, row.unit) for row in rows] == [
        (mode, f"{kind} cache", "s") for mode in ("inference", "training") for kind in ("cold", "warm")
    ]
    for cold, warm in zip(rows[::2], rows[1::2], strict=True):
        assert cold.value > warm.value > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured through /proc")
def test_peak_memory_is_at_least_what_must_be_kept() -> None:
    (row,) = measured("32x100x256 memory", ["lstm"])
    ours, _, theirs, _ = row.note.split()
    # The gates and cell states of all steps, which backward needs: 5 numbers of 4 bytes for each unit.
    kept = 32 * 100 * 256 * 5 * 4 / 2**20
    assert kept < float(ours) < 20 * kept
    assert kept < float(theirs) < 20 * kept
    assert row.value == pytest.approx(float(ours) / float(theirs), rel=0.05)
