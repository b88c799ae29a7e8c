"""The options of every ``tidegate train`` command, made from the task's dataclasses of settings."""

from __future__ import annotations

import inspect
from dataclasses import Field, fields
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from tidegate.cli.display.help_text import MORE, help_text
from tidegate.cli.named_values import value_name
from tidegate.cli.settings_file import take_settings
from tidegate.train.trackers.tracker import TRACKER_NAMES

if TYPE_CHECKING:
    from tidegate.train.task import Task

__all__ = ["task_parameters"]

LOG = "Log the metrics there, too; may be given again. (tidegate runs RUN --csv has them always.)"


def task_parameters(task: type[Task]) -> list[inspect.Parameter]:
    """Return the parameters of the command that trains a task, as typer reads them from a signature."""
    data, files, path = typer.Argument(metavar="DATA", help=task.data_help), list[str] | None, Path | None
    named, raised = "in runs/, named after DATA and cell", "a budget given with it replaces the old one"
    found = [
        _parameter("data", list[str] | None, None, data),
        _option("train", files, None, "Training files, in place of DATA; may be given again.", "Data", value="FILE"),
        *_options(task.DataConfig),
        *_options(task.Config),
        *_training_options(task),
        _option("out", path, None, f"Folder of the run. Default: {named}.", "Output", value="FOLDER"),
        _option("resume", path, None, f"Resume this run; {raised}.", "Output", value="RUN"),
        _config_option(path),
        # Not --log: torchrun takes it for an abbreviation of options of its own, also behind the script's name.
        _option("log_to", files, None, LOG, "Output", value="|".join(TRACKER_NAMES)),
        _option("overwrite", bool, False, "Replace the run in --out.", "Output", "--overwrite"),
        _option("dry_run", bool, False, "Say what would be trained; write nothing.", "Output", "--dry-run"),
        _option("quiet", bool, False, "Print nothing but errors.", "Output", "--quiet"),
    ]
    if task.SampleConfig is not None:
        found += _options(task.SampleConfig)
    if task.seeds:
        help = "Train with N seeds, from --seed on; report mean and deviation."
        found.append(_option("seeds", int | None, None, help, "Budget", min=2))
    if any((it.annotation.__metadata__[0].rich_help_panel or "").endswith(MORE) for it in found):
        how = typer.Option(
            "--help-all", is_eager=True, expose_value=False, callback=_help_all, help="Show all options and exit."
        )
        found.append(_parameter("help_all", bool, False, how))
    return found


def _config_option(kind: Any) -> inspect.Parameter:
    about = "Read options from this TOML file; those that are typed replace them."
    how = typer.Option(
        "--config", metavar="FILE", help=about, rich_help_panel="Output", is_eager=True, callback=take_settings
    )
    return _parameter("config", kind, None, how)


def _help_all(ctx: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(help_text(ctx.command, ctx, everything=True), nl=False)
        raise typer.Exit


def _training_options(task: type[Task]) -> list[inspect.Parameter]:
    from tidegate.train.config import TASK_SETTINGS, TrainConfig

    left_out = set(TASK_SETTINGS) - set(task.extra_settings)
    defaults = {**task.training_defaults, "epochs": None}  # the default number of epochs is known with the data
    found = {it.name: it for it in _options(TrainConfig, defaults) if it.name not in left_out}
    more = ", or more for few examples" if task.fewest_steps else ""
    help = f"Passes over the training part. Default if no budget is given: {task.training_defaults['epochs']}{more}."
    found["epochs"] = _option("epochs", int | None, None, help, "Budget", min=1)
    return list(found.values())


def _options(config: type[Any], defaults: dict[str, Any] | None = None) -> list[inspect.Parameter]:
    """Return an option for each field made by `tidegate.train.options.option`."""
    hints, found = get_type_hints(config), []
    for it in fields(config):
        if "help" not in it.metadata:
            continue
        default = (defaults or {}).get(it.name, it.default)
        kind = hints[it.name] if it.metadata["off"] is None else _without_none(hints[it.name])
        panel = it.metadata["panel"] + (MORE if it.metadata["advanced"] else "")
        more = {"value": it.metadata["value"], **_limits(it)}
        found.append(_option(it.name, kind, default, _help(it, default), panel, *_flags(it, kind), **more))
    return found


def _help(it: Field[Any], default: Any) -> str:
    about = it.metadata
    return f"{about['help']} Default: {about['unset']}." if default is None and about["unset"] else about["help"]


def _flags(it: Field[Any], kind: Any) -> list[str]:
    flag = "--" + (it.metadata["flag"] or it.name).replace("_", "-")
    return [f"{flag}/--no-{flag[2:]}"] if kind is bool else [flag]


def _limits(it: Field[Any]) -> dict[str, float]:
    """Return the limits that typer knows, which are inclusive; the dataclass checks all of them."""
    if it.metadata["off"] is not None:
        return {"min": it.metadata["off"]}
    names = {"min": "min", "max": "max", "below": "max"}
    return {names[name]: limit for name, limit in it.metadata["limits"].items() if name in names}


def _without_none(kind: Any) -> Any:
    (found,) = set(get_args(kind)) - {NoneType}
    return found


def _option(
    name: str, kind: Any, default: Any, help: str, panel: str, *flags: str, value: str = "", **limits: Any
) -> inspect.Parameter:
    how = typer.Option(*flags, help=help, rich_help_panel=panel, metavar=value or value_name(kind), **limits)
    return _parameter(name, kind, default, how)


def _parameter(name: str, kind: Any, default: Any, how: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, how])
