"""Targets on known numbers, and the report that says how they stand."""

import json
from dataclasses import replace

import pytest
from benchmarks.cases import AGAINST_PEERS, DEFAULT, OWN
from benchmarks.layers import CELLS

from benchmarks import TARGETS, Row, Target, judge, markdown, record

ROW = Row("plain", "lstm", "1x2x3", "training", "torch.nn", "x", 2.0, 1.9, 2.1, 4.0, 2.0)
TARGET = Target("LSTM", ("plain",), ("torch.nn",), worst=1.0, mean=2.0, cells=("lstm",), mode="training")


def rows(*values: float) -> list[Row]:
    return [replace(ROW, value=value, case=f"{k}x2x3") for k, value in enumerate(values, 1)]


def test_the_geometric_mean_and_the_worst_case() -> None:
    (verdict,) = judge(rows(1.0, 4.0), [TARGET])
    assert verdict.mean == pytest.approx(2)
    assert (verdict.worst, verdict.worst_case, verdict.cases) == (1.0, "lstm 1x2x3 training", 2)
    assert verdict.met


@pytest.mark.parametrize(
    ("values", "met"),
    [((0.99, 8.0), False), ((1.0, 3.9), False), ((1.0, 4.1), True), ((2.0,), True)],
    ids=["a case too slow", "mean too low", "both hold", "one case"],
)
def test_both_bounds_must_hold(values: tuple[float, ...], met: bool) -> None:
    assert judge(rows(*values), [TARGET])[0].met is met


def test_at_most_turns_both_around() -> None:
    target = replace(TARGET, sense="at most", worst=1.1, mean=1.0)
    assert judge(rows(0.8, 1.1), [target])[0].met is True
    assert judge(rows(0.8, 1.2), [target])[0].met is False
    verdict = judge(rows(0.8, 1.2), [target])[0]
    assert verdict.worst == 1.2


def test_nothing_is_said_of_what_was_not_measured() -> None:
    others = [
        replace(ROW, kind="packed"),
        replace(ROW, cell="gru"),
        replace(ROW, mode="inference"),
        replace(ROW, against="Keras"),
    ]
    (verdict,) = judge(others, [TARGET])
    assert (verdict.cases, verdict.met) == (0, None)
    assert "Not measured in this run: LSTM." in markdown(others, [verdict], {})


def test_the_table_of_targets_names_each_once() -> None:
    names = [target.name for target in TARGETS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_target_is_about_cases_that_are_measured(target: Target) -> None:
    kinds = {"plain" if kind == "" else kind for kind in (*AGAINST_PEERS, *OWN)}
    assert set(target.kind) <= kinds
    assert set(target.cells) <= set(CELLS)
    assert set(target.cases) <= set(DEFAULT)


def test_the_report() -> None:
    measured = [*rows(1.0, 3.0), replace(ROW, kind="first call", against="cold cache", unit="s", value=0.5, low=0.4)]
    measured[2] = replace(measured[2], high=0.6, theirs_ms=None, ours_ms=None)
    verdicts = judge(measured, [TARGET])
    text = markdown(measured, verdicts, {"processor": "a machine"})
    lines = text.splitlines()
    assert "- processor: a machine" in lines
    assert "| LSTM | mean at least 2, each at least 1 | 1.73 | 1.00 | lstm 1x2x3 training | 2 | **missed** |" in lines
    assert "| lstm | 1x2x3 | training | torch.nn | 1.00 | 1.90 to 2.10 | 4 | 2 |  |" in lines
    assert "| lstm | 1x2x3 | training | cold cache | 0.50 s | 0.40 to 0.60 |  |" in lines
    assert "3 figures; of 3 a quartile is more than 10% from the median." in text
    told = json.loads(json.dumps(record(measured, verdicts, {"processor": "a machine"}), allow_nan=False))
    assert told["rows"][1]["value"] == 3.0
    assert told["targets"][0]["met"] is False
    assert told["targets"][0]["target"]["mean"] == 2.0
    assert told["machine"] == {"processor": "a machine"}


def test_every_table_is_square() -> None:
    kinds = ("plain", "recording", "share", "streaming", "memory")
    measured = [replace(ROW, kind=kind, theirs_ms=None if kind == "memory" else 1.0) for kind in kinds]
    measured[-1] = replace(measured[-1], ours_ms=None)
    tables = [
        block.splitlines() for block in markdown(measured, judge(measured), {}).split("\n\n") if block.startswith("|")
    ]
    assert len(tables) == len(kinds) + 1
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
