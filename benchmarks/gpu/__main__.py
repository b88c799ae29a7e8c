"""``python -m benchmarks.gpu PART --out FOLDER``: one part of the benchmark on one device."""

import argparse
import json
import platform
import sys
from dataclasses import replace
from pathlib import Path

import torch

import tidegate
from benchmarks.gpu.figures import FIGURES
from benchmarks.gpu.parts import cells, correct, layers, others, stacks, tune
from benchmarks.gpu.session import Session
from benchmarks.gpu.table import times
from benchmarks.rows import Row
from benchmarks.verdicts import Verdict, judge
from tidegate.engine import dispatch

SHOWN = 6  # of the cases without time; the file has all
PARTS = {
    "correct": correct.run_part,
    "layers": layers.run,
    "cells": cells.run,
    "compiled": cells.run_compiled,
    "stacks": stacks.run,
    "others": others.run,
    "tune": tune.run,
}


def versions(device: torch.device) -> dict[str, str]:
    """Return the device and the versions of what runs on it."""
    found = {"device": platform.processor() or platform.machine(), "python": platform.python_version()}
    found |= {"torch": torch.__version__, "tidegate": tidegate.__version__}
    if device.type == "cuda":
        found["device"] = torch.cuda.get_device_name(device)
        found |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
    return found | {"backends": " ".join(backend.name for backend in dispatch.BACKENDS)}


def report(session: Session) -> str:
    """Return each figure's ratio, target and whether it is met; times of layers; what was wrong or left out."""
    lines = [f"{session.part}: {session.done} cases, {len(session.rows)} figures, {len(session.faults)} faults"]
    for backend in () if session.tiny else ("", *(it.name for it in dispatch.BACKENDS)):
        verdicts = [verdict for verdict in judge(_rows_of(session, backend), FIGURES) if verdict.cases]
        if verdicts:
            lines.append(f"backend={backend!r}:" if backend else "by default:")
            lines += [line for verdict in verdicts for line in _line(verdict)]
    lines += times([row for row in session.rows if row.kind.partition(",")[0] == "layers"])
    lines += session.remarks
    lines += [f"FAULT {fault}" for fault in session.faults]
    if session.left_out:
        shown = [*session.left_out[:SHOWN], *["..."] * (len(session.left_out) > SHOWN)]
        lines.append(f"No time for {len(session.left_out)} cases (--limit, --only): {'; '.join(shown)}")
    return "\n".join(lines)


def _rows_of(session: Session, backend: str) -> list[Row]:
    """Return the figures of a backend that was asked for, as those of the default are named; "" for the default's."""
    end = f", {backend}" if backend else ""
    own = [row for row in session.rows if row.kind.endswith(end)]
    return [replace(row, kind=row.kind.removesuffix(end)) for row in own]


def _line(verdict: Verdict) -> tuple[str, str]:
    target = verdict.target
    bounds = [] if target.mean is None else [f"mean {target.sense} {target.mean:g}"]
    bounds += [f"each {target.sense} {target.worst:g}"] if target.worst else []
    found = f"mean {verdict.mean:.2f}, worst {verdict.worst:.2f} ({verdict.worst_case}), of {verdict.cases}"
    return f"{'met   ' if verdict.met else 'MISSED'} {target.name}", f"       {found}; target {', '.join(bounds)}"


def _share(text: str) -> tuple[int, int]:
    part, _, whole = text.partition("/")
    if not (part.isdecimal() and whole.isdecimal() and 1 <= int(part) <= int(whole)):
        raise argparse.ArgumentTypeError(f"expected K/N with 1 <= K <= N, for example 2/8; got {text!r}")
    return int(part), int(whole)


def main(arguments: list[str] | None = None) -> int:
    """Run a part; 1 if something was wrong, 0 otherwise, whether or not the targets are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("part", choices=PARTS, help="what to run")
    parser.add_argument("--out", type=Path, help="folder for PART.jsonl: every number, with device and versions")
    parser.add_argument("--device", default="cuda", type=torch.device, help="default: cuda")
    parser.add_argument(
        "--limit", default=170.0, type=float, help="seconds after which no new case begins; default 170"
    )
    parser.add_argument("--only", action="append", default=[], help="run the cases with this text; repeatable")
    parser.add_argument(
        "--share",
        default="1/1",
        type=_share,
        metavar="K/N",
        help="run the K-th of every N cases: for several processes",
    )
    parser.add_argument("--tiny", action="store_true", help="sizes that take seconds; the times mean nothing")
    given = parser.parse_args(arguments)
    if given.device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; pass --device cpu --tiny to try the command.")
    session = Session(given.part, given.device, given.tiny, given.limit, tuple(given.only), given.share)
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        session.file = file = given.out / f"{given.part}.jsonl"
        file.write_text("", encoding="utf-8")
    found = versions(given.device)
    session.write(found)
    print(json.dumps(found), flush=True)
    PARTS[given.part](session)
    session.write({"faults": session.faults, "left out": session.left_out})
    print(report(session))
    return 1 if session.faults or not session.done else 0


if __name__ == "__main__":
    sys.exit(main())
