"""Options of the command line that say how other files than those of training are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tidegate.train import Run

__all__ = ["DateFormat", "Decimal", "Delimiter", "reading"]

PANEL = "Reading tables"
Delimiter = Annotated[
    Literal[",", ";", "tab", "|"] | None,
    typer.Option(
        rich_help_panel=PANEL, help="What separates the columns of CSV files: , ; | or tab. Default: as in training."
    ),
]
Decimal = Annotated[
    Literal[".", ","] | None,
    typer.Option(
        rich_help_panel=PANEL,
        help="Decimal mark of numbers in texts (forecast, regress): . or a comma. Default: as in training.",
    ),
]
DateFormat = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=PANEL,
        help="How times are written (forecast, regress), as in %d.%m.%Y. Default: as in training.",
    ),
]


def reading(run: Run, config: Any, **given: str | None) -> Any:
    """Return a model config with the reading options that were given.

    Raises:
        BadParameter: the task reads nothing of the kind.
    """
    from tidegate.train.options import with_settings

    def unknown(name: str) -> Exception:
        return typer.BadParameter(
            f"{run.place} is a run of {run.config.task}, whose files are read without it",
            param_hint="--" + name.replace("_", "-"),
        )

    return with_settings(config, given, unknown)
