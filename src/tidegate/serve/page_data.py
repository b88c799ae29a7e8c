"""What the page needs before its screens: the runs, the colour scales, and how a question is written."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from tidegate import __version__
from tidegate.cells import get_cell
from tidegate.drawing.colours import Background, Kind, hexadecimal, ink, table
from tidegate.lens.session.session import Session
from tidegate.serve.screens import SCREENS
from tidegate.serve.screens.cells import best_unit
from tidegate.serve.screens.screen import nothing_recorded

EVERY = 4  # of the 257 colours of a scale: the eye sees no more


def about(session: Session, *, in_report: bool = False) -> dict[str, Any]:
    """Return the page's first answer: the runs, their sizes and losses, and the screens available for them.

    Args:
        session: the session.
        in_report: leave out screens of which a report stores nothing.
    """
    runs = []
    for run, name in zip(session.runs, session.names, strict=True):
        config = run.config.model
        cell = get_cell(config.cell)
        runs.append(
            {
                "name": name,
                "task": run.config.task,
                "cell": cell.name,
                "names": list(cell.recorded),
                "states": list(cell.states),
                "layers": config.num_layers,
                # Hidden units of each layer; only language models have layers of different sizes.
                "sizes": getattr(config, "sizes", [config.hidden_size] * config.num_layers),
                "unit": run.config.prediction_name,
                "loss": run.config.loss_name,
                "step": run.step,
                "validation": run.validation,
                "split": run.config.split_kind,
                "baselines": run.config.baselines,
            }
        )
    screens = [
        {"name": it.name, "title": it.title_for(session)}
        for it in SCREENS
        if it.shown(session) and not (in_report and it.recorded is nothing_recorded)
    ]
    return {
        "version": __version__,
        "runs": runs,
        "screens": screens,
        "palette": palette(),
        "reads": session.reads_text,
        "best": best_unit(session),  # which the page opens on
    }


def palette() -> dict[str, Any]:
    """Return the colour scales of light and dark pages as [background, text] pairs.

    They are the same scales as in the terminal and in notebooks.
    """
    kinds: tuple[Kind, ...] = ("diverging", "sequential", "share", "unsure")
    backgrounds: tuple[Background, ...] = ("light", "dark")
    return {ground: {kind: _scale(kind, ground) for kind in kinds} for ground in backgrounds}


def _scale(kind: Kind, background: Background) -> list[list[str]]:
    colours = [(int(red), int(green), int(blue)) for red, green, blue in table(kind, background)[::EVERY]]
    return [[hexadecimal(it), hexadecimal(ink(it))] for it in colours]


def question_key(name: str, parameters: Mapping[str, Any]) -> str:
    """Return a view's name and parameters as the page writes them, in alphabetical order.

    The server is asked with this address, and a report stores its answers by it.
    """
    written = (f"{key}={quote_plus(str(parameters[key]), safe='*-._')}" for key in sorted(parameters))
    return name + "?" + "&".join(written).replace("~", "%7E")  # the one character on which Python and browsers differ
