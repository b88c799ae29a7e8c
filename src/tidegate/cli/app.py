"""The verbs, put together."""

from typing import Annotated

import typer

from tidegate.cli import bench, cells, demo, evaluate, generate, look, predict, probe, tasks, train
from tidegate.cli.guard import Guarded

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
app.command("bench")(bench.bench)

training = typer.Typer(cls=tasks.Tasks, help="Train a model.", no_args_is_help=True)
training.command("lm")(train.language_model)
for name, what in tasks.TASKS.items():
    training.command(name, help=what)(tasks.placeholder)
app.add_typer(training, name="train")
