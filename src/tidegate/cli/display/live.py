"""The display of a training run: redrawn on a terminal, one line per report anywhere else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tidegate.cli.display.board import Board, duration, figure
from tidegate.cli.display.console import is_live, stdout
from tidegate.drawing.text import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

    from tidegate.train import Event

__all__ = ["watching"]

LINE_EVERY = 5.0  # seconds between plain lines of progress; validations always get one
REDRAW_EVERY = 0.1  # seconds between redraws
QUOTED = 60  # characters of a sample in a plain line
BAR = 24  # columns of the longest bar
FIXED_LINES = 10  # lines of the board beside the ladder and the sample


@contextlib.contextmanager
def watching(title: str) -> Iterator[Callable[[Event], None]]:
    """Show a run during the block; yields the function to report its events to."""
    from tidegate.train import ignore, is_main_process

    if not is_main_process():
        yield ignore
        return
    console = stdout()
    board = Board()
    if not is_live(console):
        yield _plain(console, board, title)
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield _live(live, board, title)
        if board.step:
            live.update(picture(board, title, console), refresh=True)


def _plain(console: Console, board: Board, title: str) -> Callable[[Event], None]:
    last = -LINE_EVERY

    def report(event: Event) -> None:
        from tidegate.train import Progressed, Sampled, Started, Validated

        nonlocal last
        board.update(event)
        lines: list[str] = []
        if isinstance(event, Started):
            lines = headline(board, title) + ([_baselines(board)] if board.baselines else [])
        elif isinstance(event, Progressed) and time.monotonic() - last >= LINE_EVERY:
            lines = [progress_line(board)]
        elif isinstance(event, Validated):
            best = " (best so far)" if event.best else f" (best {figure(event.best_loss)})"
            loss = f"step {event.step:,}  validation ({board.split_kind}) {figure(event.loss)} {board.loss_name}{best}"
            lines = ["; ".join(part for part in (loss, metrics_line(board), board.rank()) if part)]
        elif isinstance(event, Sampled) and event.text:
            lines = [f"step {event.step:,}  sample: {event.text[:QUOTED]!r} ..."]
        for line in lines:
            last = time.monotonic()
            console.out(visible(line), highlight=False)
            console.file.flush()

    return report


def _live(live: Live, board: Board, title: str) -> Callable[[Event], None]:
    drawn = 0.0

    def report(event: Event) -> None:
        from tidegate.train import Progressed, Started

        nonlocal drawn
        board.update(event)
        if isinstance(event, Started):
            for line in headline(board, title)[1:]:
                live.console.print(visible(line), style="dim")
        if isinstance(event, Progressed) and time.monotonic() - drawn < REDRAW_EVERY:
            return
        drawn = time.monotonic()
        live.update(picture(board, title, live.console), refresh=True)

    return report


def headline(board: Board, title: str) -> list[str]:
    """Return the first lines of the display: the model, the data and the notes."""
    return [f"{title}: {board.parameters:,} parameters on {board.device}", *board.notes]


def _baselines(board: Board) -> str:
    values = ", ".join(f"{name} {figure(loss)}" for name, loss in board.baselines.items())
    return f"{board.loss_name} on validation ({board.split_kind}): {values}"


def metrics_line(board: Board) -> str:
    """Format the metrics of the last validation; errors may be of any size, since they are in the data's unit."""
    return ", ".join(f"{name} {figure(value)}" for name, value in board.metrics.items())


def progress_line(board: Board) -> str:
    """Format one line of progress, where nothing can be redrawn."""
    parts = [f"step {board.step:,}", f"{board.progress:.0%}"]
    parts += [f"train {figure(board.train)} {board.loss_name}"] if board.train is not None else []
    return "  ".join([*parts, *figures(board)])


def figures(board: Board) -> list[str]:
    """Format speed, clipping and time left, as far as they are known."""
    parts: list[str] = []
    if board.predictions_per_second is not None:
        parts.append(f"{board.predictions_per_second:,.0f} {board.prediction_name}s/s")
    if board.clipped_share is not None:
        parts.append(f"clipped {board.clipped_share:.0%}")
    if board.sampling_probability:
        parts.append(f"sampling probability {board.sampling_probability:.0%}")
    if board.seconds_left is not None:
        parts.append(f"{duration(board.seconds_left)} left")
    return parts


def picture(board: Board, title: str, console: Console) -> RenderableType:
    """Draw the board for a terminal of the console's width and height."""
    from rich.console import Group
    from rich.text import Text

    sharp = not console.options.ascii_only
    rungs = ladder(board, sharp)
    room = max(3, console.height - FIXED_LINES - len(rungs))
    done = round(board.progress * 100)
    width = max(10, min(40, console.width - 40))
    full, empty = ("━", "─") if sharp else ("#", "-")
    filled = round(board.progress * width)
    bar = Text.assemble((full * filled, "green"), (empty * (width - filled), "dim"))
    of = f" of {board.total_steps:,}" if board.total_steps else ""
    left = f"  {duration(board.seconds_left)} left" if board.seconds_left is not None else ""
    losses = [f"train {figure(board.train)}"] if board.train is not None else []
    losses += [f"validation {figure(board.validation)}"] if board.validation is not None else []
    losses += [f"best {figure(board.best)}"] if board.best is not None else []
    speed = [part for part in figures(board) if not part.endswith(" left")]
    speed += [f"learning rate {board.learning_rate:.2g}"] if board.learning_rate is not None else []
    lines: list[Text] = [
        Text(visible(title), style="bold"),
        Text.assemble(bar, f" {done:3}%  step {board.step:,}{of}{left}"),
        Text(f"{board.loss_name}: " + "  ".join(losses) if losses else "the first steps ..."),
        Text("  ".join(speed), style="dim"),
    ]
    if board.metrics:
        lines.append(Text("validation: " + metrics_line(board)))
    if rungs:
        counted = "n-grams of the training text" if "unigram" in board.baselines else "baselines"
        lines += [Text(), Text(f"validation ({board.split_kind}) beside {counted}", style="dim")]
    lines += rungs
    if board.sample:
        lines += [Text(), Text(f"sample at step {board.sample_step:,}:", style="dim")]
        lines += sample_lines(board.sample, console, room)
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(*lines)


def ladder(board: Board, sharp: bool = True) -> list[Text]:
    """Draw the model among the baselines, one bar each, the highest loss on top."""
    from rich.text import Text

    rungs = board.ladder()
    top = max((rung.loss for rung in rungs), default=1.0)
    width = max((len(rung.name) for rung in rungs), default=0)
    room = max((len(figure(rung.loss)) for rung in rungs), default=0)
    lines = []
    for rung in rungs:
        bar = ("█" if sharp else "#") * max(1, round(BAR * rung.loss / top))
        style = "bold cyan" if rung.is_model else "green" if rung.beaten else "dim"
        verdict = "beaten" if rung.beaten else ""
        line = f"  {rung.name:<{width}} {figure(rung.loss):>{room}} {bar:<{BAR}} {verdict}"
        lines.append(Text(line.rstrip(), style=style))
    return lines


def sample_lines(sample: str, console: Console, room: int) -> list[Text]:
    """Return the first lines of a sample that fit, control characters made visible."""
    from rich.text import Text

    text = Text(visible(sample).expandtabs(4))
    lines = text.wrap(console, max(1, console.width - 2), overflow="fold")[:room]
    return [Text("  ") + line for line in lines]
