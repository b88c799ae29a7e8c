"""``tidegate train TASK``: every task but the language model, its options made from its dataclass of settings."""

from __future__ import annotations

import inspect
import tempfile
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
import typer.core

from tidegate.cli.run_and_show import resume_run, run_task, tell
from tidegate.cli.verbs.train import language_model, parse_splits, refuse_beside_resume

if TYPE_CHECKING:
    from tidegate.data.columns import Examples

__all__ = ["TASKS", "Tasks", "command", "placeholder"]

TASKS = {
    "classify": "A class for each text or series of frames (many to one).",
    "tag": "A label for each word, character or frame (many to many, in step).",
    "translate": "A text for each text (many to many, with a delay).",
    "caption": "A text for each image (one to many).",
    "forecast": "A series that goes on from its first day.",
    "probe": "A problem that only memory solves, at any lag.",
}
# Options of training that only the language model has a use for.
OF_STREAMS = {"k1", "k2", "validation_tokens", "feeding", "sampling_probability_start", "sampling_probability_end"}
LAST = ("out", "resume", "overwrite", "report_every", "checkpoint_every")


class Tasks(typer.core.TyperGroup):
    """A group whose commands are made when one is called: listing them loads neither torch nor a task."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, with the options of its task."""
        name, found, rest = super().resolve_command(ctx, args)
        return (name, command(name), rest) if name in TASKS else (name, found, rest)


def placeholder() -> None:
    """Stands for a task's command in the list of commands."""


def command(name: str) -> Any:
    """The command that trains a task."""
    from tidegate.train.registry import example_task

    kind = example_task(name)
    parameters = [*_data_parameters(), *_config_parameters(kind), *_training_parameters(kind)]

    def train(ctx: typer.Context, **given: Any) -> None:
        _train(name, ctx, given)

    own = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    train.__signature__ = inspect.Signature([own, *parameters])  # type: ignore[attr-defined]
    train.__annotations__ = {it.name: it.annotation for it in (own, *parameters)}
    train.__doc__ = f"{TASKS[name]} Everything about the run is kept in one folder."
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(train)
    return typer.main.get_command(app)


def _train(name: str, ctx: typer.Context, given: dict[str, Any]) -> None:
    if given["resume"] is not None:
        refuse_beside_resume(ctx)
        _check_task(given["resume"], name)
        tell(resume_run(given["resume"], given["epochs"], given["steps"], given["minutes"], 0))
        return
    if not given["data"]:
        raise typer.BadParameter("give files or folders to train on, or --resume RUN", param_hint="DATA")
    from tidegate.train import TrainConfig
    from tidegate.train.registry import example_task

    kind = example_task(name)
    config = kind.Config(**{it.name: given[it.name] for it in fields(kind.Config)})
    own = {it.name for it in fields(TrainConfig)} & set(given)
    if given.get("feeding") == "teacher":  # a task's own default is for those who feed predictions
        shares = {it for it in own if it.startswith("sampling_probability_")}
        own -= {it for it in shares if getattr(ctx.get_parameter_source(it), "name", "") == "DEFAULT"}
    settings: dict[str, Any] = {it: given[it] for it in own} | {"clip": given["clip"] or None}
    training = TrainConfig(**settings)
    folder = given["out"] or Path("runs", f"{_named(given['data'])}-{name}-{config.cell}")
    if given["seeds"] is None:
        tell(_one(name, given, config, training, folder))
        _say(folder)
        return
    folders = []
    for seed in range(training.seed, training.seed + given["seeds"]):
        folders.append(folder / f"seed-{seed}")
        tell(_one(name, given, config, replace(training, seed=seed), folders[-1]))
    from tidegate.cli.display.result_tables import spread
    from tidegate.train import is_main_process

    if is_main_process() and (said := spread(folders)):
        typer.echo("\n" + said)


def _one(name: str, given: dict[str, Any], config: Any, training: Any, folder: Path) -> Any:
    from tidegate.data.sources import find_sources
    from tidegate.tasks.encode_examples import prepare_examples
    from tidegate.train import new_run
    from tidegate.train.registry import example_task

    kind, shares = example_task(name), parse_splits(given["splits"]) or (1.0, 0.0, 0.0)

    def prepare(to: Path) -> Examples:
        with tempfile.TemporaryDirectory(prefix="tidegate-") as workspace:
            sources = find_sources(
                given["data"], given["validation"] or [], given["test"] or [], workspace=Path(workspace)
            )
            vectors = given["vectors"]
            return prepare_examples(kind, sources, config, to, shares=shares, seed=given["split_seed"], vectors=vectors)

    data = new_run(folder, prepare, task=name, overwrite=given["overwrite"], device=given["device"])
    if not any(given[budget] is not None for budget in ("epochs", "steps", "minutes")):
        training = replace(training, epochs=kind.epochs(len(data.parts["train"]), training.batch_size))
    return run_task(folder, name, data, config, training)


def _say(folder: Path) -> None:
    from tidegate.cli.display.result_tables import summary
    from tidegate.train import is_main_process, load_run

    if is_main_process() and (said := summary(load_run(folder))):
        typer.echo("\n" + said)


def _check_task(folder: Path, name: str) -> None:
    from tidegate.train import read_config

    if (found := read_config(folder).task) != name:
        raise typer.BadParameter(f"{folder} is a run of {found}: tidegate train {found}", param_hint="--resume")


def _named(data: list[str]) -> str:
    """A name for the run: of the file, the folder or the sample that comes first."""
    first = data[0]
    return first.partition(":")[2].replace("/", "-") if ":" in first else Path(first).resolve().stem


def _parameter(name: str, kind: Any, default: Any, how: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, how])


def _data_parameters() -> list[inspect.Parameter]:
    def option(help: str, **rest: Any) -> Any:
        return typer.Option(help=help, rich_help_panel="Data", **rest)

    what = "Files or folders; or sample:NAME, which is made here; or hub:OWNER/NAME."
    return [
        _parameter("data", list[str] | None, None, typer.Argument(metavar="DATA", help=what)),
        _parameter("validation", list[Path] | None, None, option("Files to validate on; may be given again.")),
        _parameter("test", list[Path] | None, None, option("Files to test on; may be given again.")),
        _parameter("splits", str, "80/10/10", option("Training/validation/test, where files do not say; or none.")),
        _parameter("split_seed", int, 0, option("Of a random split.")),
        _parameter("vectors", Path | None, None, option("Word vectors (GloVe, word2vec text) to start from.")),
    ]


def _config_parameters(kind: Any) -> list[inspect.Parameter]:
    hints, found = get_type_hints(kind.Config), []
    for it in fields(kind.Config):
        about = it.metadata
        name = "--" + (about["flag"] or it.name).replace("_", "-")
        names = [f"{name}/--no-{name[2:]}"] if hints[it.name] is bool else [name]
        limits = {key: value for key, value in about["limits"].items() if key in ("min", "max")}
        how = typer.Option(*names, help=about["help"], rich_help_panel=about["panel"], **limits)
        assert it.default is not MISSING, it.name
        found.append(_parameter(it.name, hints[it.name], it.default, how))
    return found


def _training_parameters(kind: Any) -> list[inspect.Parameter]:
    from tidegate.train import TrainConfig

    hints = get_type_hints(language_model, include_extras=True, localns={"typer": typer})
    usual = inspect.signature(language_model).parameters
    left_out = OF_STREAMS - set(kind.streams)
    names = [it.name for it in fields(TrainConfig) if it.name not in left_out]
    found = []
    for name in (*names, *(n for n in LAST if n not in names)):
        default = usual[name].default if name == "epochs" else kind.training.get(name, usual[name].default)
        found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[name]))

    def option(help: str, **rest: Any) -> Any:
        return typer.Option(help=help, rich_help_panel="Budget", **rest)

    # What a language model's options say otherwise.
    epochs = option(
        f"Passes over the examples; if no budget is given {kind.training['epochs']}, more of few examples.", min=1
    )
    every = option("Steps between validations; once an epoch if left out.", min=1)
    seeds = option("Train so many times, from --seed on; report mean and spread.", min=2)
    said = [
        ("epochs", None, epochs),
        ("validate_every", kind.training["validate_every"], every),
        ("seeds", None, seeds),
    ]
    replaced = {name: _parameter(name, int | None, default, how) for name, default, how in said}
    return [replaced.pop(it.name, it) for it in found] + list(replaced.values())
