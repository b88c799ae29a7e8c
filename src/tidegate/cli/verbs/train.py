"""``tidegate train TASK``: train a model, or resume a run."""

from __future__ import annotations

import inspect
import os
from contextlib import nullcontext, redirect_stdout
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from tidegate.cli.command_classes import PlainHelp
from tidegate.cli.error_boundary import Verb
from tidegate.cli.run_and_show import describe_end, resume_run, train_run
from tidegate.cli.task_options import task_parameters
from tidegate.cli.user_code import cell_name, own_task
from tidegate.io.hub_cache import refuse_hub
from tidegate.io.load_object import is_location
from tidegate.io.records import to_record
from tidegate.train.registry import BUILT_IN, task_named, task_names

if TYPE_CHECKING:
    from tidegate.train import Finished, TrainConfig
    from tidegate.train.task import Data, Task

__all__ = ["TrainCommands", "app", "command"]

BESIDE_RESUME = {"resume", "quiet", "log_to", "epochs", "steps", "minutes", "sample_length"}


class TrainCommands(PlainHelp, typer.core.TyperGroup):
    """One command for each task, made when it is called: listing the commands imports neither torch nor a task."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read ``--task my_module:MyTask`` as the name of a command."""
        if len(args) > 1 and args[0] == "--task":
            args = args[1:]
        elif args and args[0].startswith("--task="):
            args = [args[0].removeprefix("--task="), *args[1:]]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of a task, with the options of the task."""
        name = args[0]
        if is_location(name):
            return name, command(own_task(name)), args[1:]
        if name in task_names():
            return name, command(task_named(name)), args[1:]
        return super().resolve_command(ctx, args)


app = typer.Typer(cls=TrainCommands, help="Train a model.", no_args_is_help=True)


@app.callback()
def options(
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="MODULE:CLASS", help="Your own task, in place of COMMAND; or FILE.py:CLASS."),
    ] = None,
) -> None:
    """Train a model."""


def _placeholder() -> None:
    """Stand for a task's command in the list of commands."""


for _name, _task in BUILT_IN.items():
    app.command(_name, help=_task.summary)(_placeholder)


def command(task: type[Task]) -> Any:
    """Return the command that trains a task."""

    def train(ctx: typer.Context, **given: Any) -> None:
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere) if given["quiet"] else nullcontext():
            _train(task, ctx, given)

    own = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [own, *task_parameters(task)]
    train.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    train.__annotations__ = {it.name: it.annotation for it in parameters}
    summary = (task.__doc__ or task.name).strip().splitlines()[0]
    examples = BUILT_IN[task.name].examples if task.name in BUILT_IN else ()
    train.__doc__ = f"{summary} Everything about the run is stored in one folder." + (
        "\n\nExamples:\n" + "\n".join(f"    tidegate train {it}" for it in examples) if examples else ""
    )
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    made.command(task.name, cls=Verb)(train)
    return typer.main.get_command(made)


def _train(task: type[Task], ctx: typer.Context, given: dict[str, Any]) -> None:
    own_cell = is_location(given["cell"])
    given["cell"] = cell_name(given["cell"])
    if given["resume"] is not None:
        _refuse_beside_resume(ctx, {"cell"} if own_cell else set())
        refuse_hub(given["resume"])
        _check_task(given["resume"], task)
        budget = {name: given[name] for name in ("epochs", "steps", "minutes")}
        _check_budget(given["resume"], budget)
        resumed = resume_run(given["resume"], _samples(task, given), trackers=given["log_to"] or (), **budget)
        describe_end(resumed, summary=False)
        return
    if given["train"] and _source(ctx, "data") == "DEFAULT_MAP":  # the files in --config are replaced, too
        given["data"] = None
    if given["data"] and given["train"]:
        raise typer.BadParameter("DATA are the files to train on: give one of the two", param_hint="--train")
    given["data"] = given["data"] or given["train"]
    if not given["data"]:
        raise typer.BadParameter("give files or folders to train on, or --resume RUN", param_hint="DATA")
    from tidegate.train.trackers.tracked import make_trackers

    make_trackers(given["log_to"] or ())  # refuses them before the data are prepared
    config, training = _settings(task.Config, given), _training(task, ctx, given)
    folder = given["out"] or Path("runs", task.run_name(given["data"], config))
    if given["dry_run"]:
        typer.echo(_dry_run(task, given, config, training, folder))
        return
    if not given.get("seeds"):
        describe_end(_one(task, given, config, training, folder))
        return
    folders = []
    for seed in range(training.seed, training.seed + given["seeds"]):
        folders.append(folder / f"seed-{seed}")
        describe_end(_one(task, given, config, replace(training, seed=seed), folders[-1]), summary=False)
    from tidegate.train import is_main_process

    if is_main_process() and (text := task.compare_seeds(folders)):
        typer.echo("\n" + text)


def _one(task: type[Task], given: dict[str, Any], config: Any, training: TrainConfig, folder: Path) -> Finished:
    from tidegate.train import new_run, one_writer

    options = _settings(task.DataConfig, given)
    with one_writer(folder, given["device"]):
        data = new_run(
            folder,
            lambda to: task.prepare(given["data"], config, options, to),
            task=task.name,
            overwrite=given["overwrite"],
            device=given["device"],
        )
        training = _with_budget(task, given, training, data)
        record = {"data": given["data"], **to_record(options)}
        record = {name: _plain(value) for name, value in record.items() if value is not None}
        samples = _samples(task, given)
        more = {"data_options": record, "trackers": given["log_to"] or ()}
        return train_run(folder, data, config, training, task=task, samples=samples, **more)


def _dry_run(task: type[Task], given: dict[str, Any], config: Any, training: TrainConfig, folder: Path) -> str:
    from tidegate.cli.dry_run import dry_run

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise typer.BadParameter("run it in one process", param_hint="--dry-run")
    options = _settings(task.DataConfig, given)
    return dry_run(
        task,
        folder,
        lambda to: task.prepare(given["data"], config, options, to),
        config,
        lambda data: _with_budget(task, given, training, data),
    )


def _with_budget(task: type[Task], given: dict[str, Any], training: TrainConfig, data: Data) -> TrainConfig:
    """Return the settings with the default number of epochs, which is known with the data, if no budget is given."""
    if any(given[budget] is not None for budget in ("epochs", "steps", "minutes")):
        return training
    return replace(training, epochs=task.default_epochs(data, training.batch_size))


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return [str(it) for it in value] if isinstance(value, list) else value


def _settings(config: type[Any], given: dict[str, Any]) -> Any:
    """Return a dataclass with the options that were given."""
    names = {it.name for it in fields(config)} & set(given)
    off = {it.name: it.metadata["off"] for it in fields(config) if it.metadata.get("off") is not None}
    return config(**{name: None if name in off and given[name] == off[name] else given[name] for name in names})


def _training(task: type[Task], ctx: typer.Context, given: dict[str, Any]) -> TrainConfig:
    from tidegate.train.config import SAMPLING, TrainConfig

    if given.get("feeding") == "teacher":  # the task's own default probabilities are for the other kinds of feeding
        unused = [name for name in SAMPLING[1:] if _is_default(ctx, name)]
        given = {name: value for name, value in given.items() if name not in unused}
    if given["optimizer"] != "adamw" and _is_default(ctx, "learning_rate"):  # the task's own default is for AdamW
        given = {name: value for name, value in given.items() if name != "learning_rate"}
    return _settings(TrainConfig, given)


def _samples(task: type[Task], given: dict[str, Any]) -> Any:
    return None if task.SampleConfig is None else _settings(task.SampleConfig, given)


def _check_budget(folder: Path, budget: dict[str, Any]) -> None:
    """Refuse a new budget that is used up already and would end the run at once: budgets count from its beginning."""
    from tidegate.train.listing.run_list import summarise

    run = summarise(folder)
    if run.seconds is None:
        return  # it cannot be resumed, which `resume` says
    for name, so_far in {"steps": run.step, "minutes": run.seconds / 60}.items():
        given = budget[name]
        if given is not None and so_far >= given != run.settings["train"].get(name):
            raise typer.BadParameter(
                f"it counts from the beginning, and {so_far:,.4g} are used already. For {given:g} more: "
                f"--{name} {so_far + given:.4g}",
                param_hint=f"--{name}",
            )


def _refuse_beside_resume(ctx: typer.Context, allowed: set[str]) -> None:
    """Refuse options that a resumed run would ignore."""
    given = {name for name in ctx.params if _source(ctx, name) == "COMMANDLINE"}
    if wrong := sorted(given - BESIDE_RESUME - allowed):
        names = ", ".join("DATA" if name == "data" else "--" + name.replace("_", "-") for name in wrong)
        raise typer.BadParameter(
            f"a resumed run keeps its own settings, so {names} cannot be given; only a new budget can "
            "(--epochs, --steps, --minutes)",
            param_hint="--resume",
        )


def _is_default(ctx: typer.Context, name: str) -> bool:
    return _source(ctx, name) == "DEFAULT"


def _source(ctx: typer.Context, name: str) -> str:
    return getattr(ctx.get_parameter_source(name), "name", "")


def _check_task(folder: Path, task: type[Task]) -> None:
    from tidegate.train import read_config

    if (found := read_config(folder).task) != task.name:
        raise typer.BadParameter(f"{folder} is a run of {found}: tidegate train {found}", param_hint="--resume")
