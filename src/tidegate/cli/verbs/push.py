"""``tidegate push RUN OWNER/NAME``: a run to a repository of the Hugging Face hub, with a model card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.display.progress_line import progress_line
from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code
from tidegate.drawing.text import visible

if TYPE_CHECKING:
    from tidegate.train import Run

__all__ = ["push"]


def push(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The repository; made if it does not exist.")],
    license: Annotated[
        str | None, typer.Option(metavar="ID", help="Under which licence others may use it: apache-2.0, mit, ...")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="A new repository is private.")] = False,
    revision: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="The branch; made if it does not exist. Default: main.")
    ] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the commit.")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Also the encoded data and the last checkpoint, to continue the run.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the files and the model card; send nothing.")
    ] = False,
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Send a trained model to the Hugging Face hub, with a model card; others use it as hub:OWNER/NAME.

    Examples:
        tidegate push runs/demo me/python-lstm --license apache-2.0 --dry-run
        tidegate push runs/demo me/python-lstm --license apache-2.0
        tidegate generate hub:me/python-lstm
    """
    check_paths(run)
    from tidegate.export.hub.push_run import prepare_repository, pushed_reference, send
    from tidegate.hub.upload import refuse_without_token
    from tidegate.train import load_run

    if not dry_run:
        refuse_without_token(pushed_reference(repository, revision))
    load_user_code(task, cell)
    loaded = load_run(run)
    with progress_line("Measuring the model for its card ..."):
        prepared = prepare_repository(loaded, repository, license=license, revision=revision, whole=whole)
    if names := _folders_of_data(loaded):
        note(f"note: config.json, which is sent, names these files or folders of yours: {', '.join(names)}")
    sizes = prepared.sizes()
    if dry_run:
        for name, size in sizes.items():
            typer.echo(f"{size:>14,}  {name}")
        typer.echo("\n" + visible(prepared.card), nl=False)
        return
    sent = send(prepared, loaded, private=private or None, message=message)
    if sent.removed:
        note(f"Removed, as they belong to an earlier commit: {', '.join(sent.removed)}")
    note(f"{len(sizes)} files ({sum(sizes.values()):,} bytes) are in {sent.address}, commit {sent.commit[:10]}.")


def _folders_of_data(run: Run) -> list[str]:
    """Return the names of data that say where they are on this machine."""
    given = (run.config.data_options or {}).values()
    texts = [it for value in given for it in (value if isinstance(value, list) else [value]) if isinstance(it, str)]
    return [visible(it) for it in texts if Path(it).is_absolute()]
