"""``python -m tools.pictures RUN...``: take the documentation's pictures of the page of runs again."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tidegate.train import read_config
from tools.pictures.camera import take
from tools.pictures.shots import SHOTS, note_taken, of_another_page


def main() -> None:
    """Take the pictures of the tasks of the runs given; say which others are of an earlier page."""
    parser = argparse.ArgumentParser(prog="python -m tools.pictures", description=main.__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="runs, at most one of a task")
    parser.add_argument("--only", action="append", metavar="NAME", help="only the picture of this name")
    given = parser.parse_args()
    tasks = {run: read_config(run).task for run in given.runs}
    if twice := [task for task, count in Counter(tasks.values()).items() if count > 1]:
        parser.error(f"there are several runs of {twice[0]}: give one")
    for run, task in tasks.items():
        shots = [it for it in SHOTS if it.task == task and (not given.only or it.name in given.only)]
        if shots:
            take(run, shots)
            note_taken([it.name for it in shots])
    if old := of_another_page():
        print(f"Of an earlier version of the page: {', '.join(old)}.", file=sys.stderr)


if __name__ == "__main__":
    main()
