"""The line that says how far a computation is."""

import io

import pytest

from tidegate.cli.display.progress_line import ERASE, progress_line
from tidegate.lens.progress import part_of, report_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_one_line_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch):
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    monkeypatch.setattr("tidegate.cli.display.progress_line.EVERY", 0.0)
    monkeypatch.setenv("COLUMNS", "40")
    with progress_line("Computing ..."), part_of("Cells (2 of 9)"):
        report_progress("Searching", 0.254)
        report_progress("Searching the hidden units of a layer", 0.5)
    lines = shown.getvalue().split(ERASE)
    assert lines == [
        "",
        "Computing ...",
        "Cells (2 of 9): Searching ... 25%",
        "Cells (2 of 9): Searching the hidden...",
        "",
    ]


def test_without_a_terminal_nothing_is_printed(capsys: pytest.CaptureFixture[str]):
    with progress_line("Computing ..."):
        report_progress("Searching", 0.5)
    assert capsys.readouterr() == ("", "")
