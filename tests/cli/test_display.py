"""The display of a run: what it says, and that it fits."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from tidegate.cli.display import live
from tidegate.cli.display.board import Board, duration
from tidegate.cli.display.live import picture, watching
from tidegate.train import Event, Finished, Progressed, Sampled, Started, Validated

BASELINES = {"uniform": 4.0, "unigram": 3.0, "bigram": 2.5, "trigram": 2.0, "5-gram": 1.5}
STARTED = Started(
    step=0,
    total_steps=1000,
    steps_per_epoch=100,
    parameters=1_234_567,
    prediction_name="character",
    loss_name="nats per character",
    baselines=BASELINES,
    split_kind="contiguous 90/5/5",
    batch_size=32,
    device="cpu",
    notes=["a note [red]in brackets[/red]"],
)
PROGRESSED = Progressed(
    step=420,
    progress=0.42,
    epoch=4.2,
    loss=1.9,
    learning_rate=2.5e-3,
    gradient_norm=0.7,
    clipped_share=0.125,
    sampling_probability=0.0,
    predictions_per_second=12_345.0,
    seconds_left=75.4,
    elapsed=60.0,
)
VALIDATED = Validated(step=420, progress=0.42, loss=2.25, best=True, best_loss=2.25, elapsed=60.0)
SAMPLED = Sampled(step=420, text="def f():\n\treturn [bold]\x1b[31m한글\n" + "x" * 200)
FINISHED = Finished(reason="budget", step=1000, best_loss=1.4, elapsed=180.0, folder=Path("runs/x"))


def board(*events: Event) -> Board:
    it = Board()
    for event in events:
        it.update(event)
    return it


def drawn(it: Board, width: int = 80, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(picture(it, "lstm, 256 tokens", console))
    return capture.get().splitlines()


def test_the_model_is_ranked_among_the_baselines():
    it = board(STARTED, PROGRESSED, VALIDATED)
    assert [rung.name for rung in it.ladder()] == ["uniform", "unigram", "bigram", "this model", "trigram", "5-gram"]
    assert [rung.name for rung in it.ladder() if rung.beaten] == ["uniform", "unigram", "bigram"]
    assert it.rank() == "below uniform, unigram, bigram; next: trigram 2.000"


def test_before_the_first_validation_nothing_is_beaten():
    it = board(STARTED, PROGRESSED)
    assert not any(rung.beaten or rung.is_model for rung in it.ladder())
    assert it.rank() == "next: uniform 4.000"


def test_a_model_below_all_baselines_has_no_next():
    it = board(STARTED, Validated(step=1, progress=1.0, loss=1.2, best=True, best_loss=1.2, elapsed=1.0))
    assert it.rank() == "below uniform, unigram, bigram, trigram, 5-gram"


def test_equal_is_not_beaten():
    it = board(STARTED, Validated(step=1, progress=1.0, loss=2.0, best=True, best_loss=2.0, elapsed=1.0))
    assert [rung.name for rung in it.ladder() if rung.beaten] == ["uniform", "unigram", "bigram"]


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (59.6, "1:00"), (75.4, "1:15"), (3599, "59:59"), (36_061, "10:01:01")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_the_picture_says_everything():
    lines = drawn(board(STARTED, PROGRESSED, VALIDATED, SAMPLED))
    text = "\n".join(lines)
    for said in (
        "lstm, 256 tokens",
        " 42%  step 420 of 1,000  1:15 left",
        "nats per character: train 1.900  validation 2.250  best 2.250",
        "12,345 characters/s  clipped 12%  learning rate 0.0025",
        "contiguous 90/5/5",
        "sample at step 420:",
        "def f():",
        r"    return [bold]\x1b[31m한글",
    ):
        assert said in text
    assert "\x1b" not in text
    by_name = {line.split("  ")[1].strip(): line for line in lines if "█" in line}
    assert [name for name, line in by_name.items() if "beaten" in line] == ["uniform", "unigram", "bigram"]
    bars = [line.count("█") for line in lines if "█" in line]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] == 2 * bars[4]  # 4.0 against 2.0 nats


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 24), (200, 60), (40, 30)])
def test_the_picture_fits_the_terminal(width, height):
    from rich.cells import cell_len

    long = Sampled(step=1, text="\n".join(["한글" * 40] * 100))
    for events in ([], [STARTED], [STARTED, PROGRESSED], [STARTED, PROGRESSED, VALIDATED, SAMPLED], [STARTED, long]):
        lines = drawn(board(*events), width, height)
        assert len(lines) < height
        assert max(map(cell_len, lines)) <= width


def test_a_clock_budget_has_no_last_step():
    it = board(Started(**{**vars(STARTED), "total_steps": None}), PROGRESSED)
    assert any("step 420  1:15 left" in line for line in drawn(it))


def test_a_run_without_validation_shows_no_ladder():
    it = board(Started(**{**vars(STARTED), "baselines": {}}), PROGRESSED)
    assert not any("█" in line or "validation" in line for line in drawn(it))


def test_an_ascii_terminal_gets_ascii():
    class Ascii(io.StringIO):
        encoding = "ascii"

    console = Console(file=Ascii(), width=80, height=24, markup=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(picture(board(STARTED, PROGRESSED, VALIDATED), "lstm", console))
    capture.get().encode("ascii")


@pytest.fixture
def terminal(monkeypatch) -> io.StringIO:
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=True, width=80, height=24, markup=False, emoji=False, highlight=False, _environ={}
    )
    monkeypatch.setattr(live, "stdout", lambda: console)
    return file


def test_on_a_terminal_it_is_redrawn_in_place_and_nothing_of_the_text_is_obeyed(terminal):
    with watching("lstm") as report:
        for event in (STARTED, PROGRESSED, VALIDATED, SAMPLED, FINISHED):
            report(event)
    shown = terminal.getvalue()
    assert "\x1b[2K" in shown  # lines are erased and drawn again
    assert shown.count("a note [red]in brackets[/red]") == 1
    assert "[bold]" in shown
    assert r"\x1b[31m" in shown
    assert shown.endswith("\x1b[?25h")  # the cursor is back


def test_redraws_of_progress_are_limited(terminal):
    with watching("lstm") as report:
        report(STARTED)
        before = terminal.getvalue().count("12,345")
        for _ in range(1000):
            report(PROGRESSED)
    assert terminal.getvalue().count("12,345") - before < 100


def test_elsewhere_a_validation_is_always_a_line_and_progress_now_and_then(capsys):
    with watching("lstm") as report:
        report(STARTED)
        for _ in range(1000):
            report(PROGRESSED)
        report(VALIDATED)
        report(SAMPLED)
        report(FINISHED)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["lstm: 1,234,567 parameters on cpu", "a note [red]in brackets[/red]"]
    assert lines[2].endswith("uniform 4.000, unigram 3.000, bigram 2.500, trigram 2.000, 5-gram 1.500")
    assert lines[3] == (
        "step 420  validation (contiguous 90/5/5) 2.250 nats per character (best so far); "
        "below uniform, unigram, bigram; next: trigram 2.000"
    )
    assert lines[4].startswith(r"step 420  sample: 'def f():\n\treturn [bold]\x1b[31m한글\nxxx")
    assert len(lines) == 5


def test_elsewhere_progress_is_a_line(capsys, monkeypatch):
    monkeypatch.setattr(live, "LINE_EVERY", 0.0)
    with watching("lstm") as report:
        report(STARTED)
        report(PROGRESSED)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "step 420  42%  train 1.900 nats per character  12,345 characters/s  clipped 12%  1:15 left"


def test_only_the_main_process_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with watching("lstm") as report:
        report(STARTED)
        report(VALIDATED)
    assert capsys.readouterr().out == ""


def test_errors_of_any_size_are_short():
    it = board(STARTED)
    it.metrics = {"MAE": 1.25e297, "small": 2e-12, "ESR": 0.001524, "share": 0.5, "none": 0.0}
    assert live.metrics_line(it) == "MAE 1.25e+297, small 2e-12, ESR 0.00152, share 0.500, none 0.000"
