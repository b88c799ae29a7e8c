"""The command line: all verbs."""

from typing import Annotated

import typer

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

app.add_typer(train.app, name="train")
