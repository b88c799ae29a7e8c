"""The command line: all verbs."""

from typing import Annotated

import typer

from tidegate.cli.error_boundary import Guarded, Verb
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


def _version(asked: bool) -> None:
    if asked:
        from tidegate import __version__

        typer.echo(f"tidegate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the full traceback of an error, for a bug report.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Recurrent neural networks with every gate open to view."""


app.command("demo", cls=Verb)(demo.demo)
app.command("generate", cls=Verb)(generate.generate)
app.command("evaluate", cls=Verb)(evaluate.evaluate)
app.command("predict", cls=Verb)(predict.predict)
app.command("probe", cls=Verb)(probe.probe)
app.command("look", cls=Verb)(look.look)
app.command("cells", cls=Verb)(cells.cells)

app.add_typer(train.app, name="train")
