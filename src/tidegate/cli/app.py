"""The command line: all verbs."""

from typing import Annotated

import typer

from tidegate.cli.error_boundary import Guarded, Verb
from tidegate.cli.named_values import with_value_names
from tidegate.cli.verbs import (
    build,
    cells,
    convert,
    demo,
    evaluate,
    export,
    generate,
    look,
    predict,
    probe,
    push,
    runs,
    train,
)

__all__ = ["app"]

app = typer.Typer(
    name="tidegate",
    cls=Guarded,
    help="Recurrent neural networks with every gate open to view.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Start with: tidegate demo",
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


app.add_typer(train.app, name="train")
for _verb in (
    evaluate.evaluate,
    predict.predict,
    generate.generate,
    look.look,
    build.build,
    convert.convert,
    export.export,
    push.push,
    runs.runs,
    cells.cells,
    probe.probe,
    demo.demo,
):
    app.command(_verb.__name__, cls=Verb)(with_value_names(_verb))
