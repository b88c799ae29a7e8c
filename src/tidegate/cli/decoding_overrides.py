"""How a trained model writes, where it should be otherwise than its run says."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tidegate.train import Run

__all__ = ["Beam", "LengthPenalty", "MaxLength", "decoding"]

PANEL = "Decoding (translate, caption)"
Beam = Annotated[
    int | None, typer.Option(min=1, rich_help_panel=PANEL, help="Texts kept while searching; the run's if left out.")
]
LengthPenalty = Annotated[
    float | None, typer.Option(min=0, rich_help_panel=PANEL, help="How much long texts are favoured in a beam.")
]
MaxLength = Annotated[
    int | None,
    typer.Option(min=1, rich_help_panel=PANEL, help="A text that has not ended after so many tokens is cut."),
]


def decoding(run: Run, **given: float | None) -> Any:
    """The run's settings of the model, with those that were given instead.

    Raises:
        BadParameter: the task does not write.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    known = {it.name for it in fields(run.config.model)}
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(
                f"{run.folder} is a run of {run.config.task}, which writes nothing that could be searched for",
                param_hint="--" + name.replace("_", "-"),
            )
    return replace(run.config.model, **chosen)
