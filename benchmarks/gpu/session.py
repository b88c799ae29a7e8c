"""A run of one part: what was measured, what was wrong, what there was no time for, and the file that holds it."""

import gc
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.rows import Row


@dataclass
class Session:
    """One part on one device.

    Attributes:
        part: its name.
        device: the device.
        tiny: sizes that a test can afford; the figures mean nothing.
        limit: seconds after which no new case begins.
        only: the cases to run are those with one of these texts in their name; all if empty.
        share: (K, N): the cases to run are the K-th of every N that were asked for.
        file: where each row goes as a line of JSON; None for nowhere.
        rows: the figures.
        faults: what was wrong: a difference, or an error.
        left_out: the cases that there was no time for.
        done: how many cases have run.
        remarks: lines for the report.
        asked: how many cases were asked for, in all shares.
    """

    part: str
    device: torch.device
    tiny: bool = False
    limit: float = 170.0
    only: tuple[str, ...] = ()
    share: tuple[int, int] = (1, 1)
    file: Path | None = None
    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    done: int = 0
    remarks: list[str] = field(default_factory=list)
    asked: int = 0
    began: float = field(default_factory=time.monotonic)

    @property
    def on_gpu(self) -> bool:
        """Whether the device has CUDA's events, streams and graphs."""
        return self.device.type == "cuda"

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() - self.began > self.limit

    def wants(self, name: str) -> bool:
        """Whether a case was asked for."""
        return not self.only or any(text in name for text in self.only)

    def case(self, name: str, work: Callable[[], None]) -> None:
        """Run a case, if it is wanted and there is time; an error in it is a fault of that case alone."""
        if not self.wants(name):
            return
        self.asked += 1
        if self.asked % self.share[1] != self.share[0] % self.share[1]:
            return
        if self.is_over:
            self.left_out.append(name)
            return
        self.done += 1
        try:
            work()
        except Exception as error:  # whatever it is: the cases after it still count
            self.fault(name, f"{type(error).__name__}: {error}")
        finally:
            if self.on_gpu:
                gc.collect()  # graphs hold gigabytes
                torch.cuda.empty_cache()

    def fault(self, name: str, message: str) -> None:
        """Note what was wrong in a case."""
        self.faults.append(f"{name}: {message}")
        self.write({"case": name, "error": message})

    def row(self, row: Row) -> None:
        """Note a figure."""
        self.rows.append(row)
        self.write(asdict(row))

    def write(self, line: dict[str, Any]) -> None:
        """Append a line to the file, so that a run that is cut off leaves what it has."""
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"part": self.part, **line}) + "\n")
