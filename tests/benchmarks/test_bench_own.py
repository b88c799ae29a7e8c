"""Our layer against itself, and in processes of its own."""

import re
import sys
from dataclasses import replace

import pytest
from benchmarks.cases import Case, parse
from benchmarks.contender import Contender
from benchmarks.gemm import recurrent_part
from benchmarks.problem import Problem

from benchmarks import Row, jobs, ours
from tidegate.errors import ParityError


def measured(text: str, cells: list[str], repeats: int = 1) -> list[Row]:
    return [row for job in jobs([parse(text)], cells, [], repeats) for row in job.measure()]


def test_the_peephole_lstm_is_compared_in_both_modes() -> None:
    rows = measured("2x3x4 peephole", ["peephole_lstm"])
    assert [(row.kind, row.mode, row.against) for row in rows] == [
        ("peephole", "inference", "our lstm"),
        ("peephole", "training", "our lstm"),
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
