"""Options of the command line that override a run's decoding settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tidegate.train import Run

__all__ = ["Beam", "LengthPenalty", "MaxLength", "decoding"]

PANEL = "Decoding (translate, caption)"
Beam = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=PANEL, help="Width of the beam search. Default: the run's.")
]
LengthPenalty = Annotated[
    float | None,
    typer.Option(min=0, rich_help_panel=PANEL, help="Length penalty of the beam: larger favours longer texts."),
]
MaxLength = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=PANEL, help="Maximal number of tokens of a text."),
]


def decoding(run: Run, **given: float | None) -> Any:
    """Return the run's model config with the settings that were given.

    Raises:
        BadParameter: the task writes no texts.
    """
    from tidegate.train.options import with_settings

    def unknown(name: str) -> Exception:
        return typer.BadParameter(
            f"{run.place} is a run of {run.config.task}, which writes no texts",
            param_hint="--" + name.replace("_", "-"),
        )

    return with_settings(run.config.model, given, unknown)
