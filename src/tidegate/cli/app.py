"""The verbs, put together."""

from typing import Annotated

import typer

from tidegate.cli import task_commands
from tidegate.cli.error_boundary import Guarded
from tidegate.cli.verbs import cells, demo, evaluate, generate, look, predict, probe, train

__all__ = ["app"]

app = typer.Typer(
    name="tidegate",
    cls=Guarded,
    help="Recurrent neural networks with every gate open to view.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the full traceback of an error, for a bug report.")
    ] = False,
) -> None:
    """Recurrent neural networks with every gate open to view."""


app.command("demo")(demo.demo)
app.command("generate")(generate.generate)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("probe")(probe.probe)
app.command("look")(look.look)
app.command("cells")(cells.cells)

training = typer.Typer(cls=task_commands.Tasks, help="Train a model.", no_args_is_help=True)
training.command("lm")(train.language_model)
for name, what in task_commands.TASKS.items():
    training.command(name, help=what)(task_commands.placeholder)
app.add_typer(training, name="train")
