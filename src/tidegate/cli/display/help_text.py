"""Help in 80 columns: what a command does, examples, and its options by subject with the names of their values."""

from __future__ import annotations

import inspect
import os
import shutil
import textwrap
from typing import Any

import typer

__all__ = ["MORE", "help_text"]

WIDEST, NAMES = 100, 26  # columns of the page, and of the names of options
MORE = ": more"
"""The end of the heading of options that only ``--help-all`` lists."""


def help_text(command: Any, ctx: Any, *, everything: bool = False) -> str:
    """Return the help of a command.

    Args:
        command: a command or a group of commands.
        ctx: its context.
        everything: with the options under headings that end with `MORE`, which are otherwise counted only.
    """
    width = min(WIDEST, shutil.get_terminal_size().columns)
    summary, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    parts = [f"{_head('Usage:')} {_usage(command, ctx)}", textwrap.fill(summary, width), rest]
    folded = []
    for panel, params in _panels(command.get_params(ctx)).items():
        if panel.endswith(MORE) and not everything:
            folded += params
            continue
        rows = [_row(_names(it), _about(it, ctx), width) for it in params]
        parts.append("\n".join([_head(panel), *rows]))
    if folded:
        parts.append(f"{len(folded)} more options, with defaults for most uses: --help-all")
    if hasattr(command, "list_commands"):
        commands = [command.get_command(ctx, name) for name in command.list_commands(ctx)]
        rows = [_row(it.name, it.short_help or _first_sentence(it.help or ""), width) for it in commands]
        parts.append("\n".join([_head("Commands"), *rows]))
    if command.epilog:
        parts.append(command.epilog)
    return "\n\n".join(part for part in parts if part) + "\n"


def _usage(command: Any, ctx: Any) -> str:
    arguments = [it for it in command.get_params(ctx) if not _is_option(it)]
    names = [_names(it) if it.required else f"[{_names(it)}]" for it in arguments]
    group = ["COMMAND"] if hasattr(command, "list_commands") else []
    return " ".join([ctx.command_path, "[OPTIONS]", *names, *group])


def _panels(params: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for it in params:
        if not getattr(it, "hidden", False):
            usual = "Options" if _is_option(it) else "Arguments"
            found.setdefault(getattr(it, "rich_help_panel", None) or usual, []).append(it)
    return found


def _is_option(param: Any) -> bool:
    return param.param_type_name == "option"


def _names(param: Any) -> str:
    if not _is_option(param):
        return (param.metavar or param.name.upper()) + ("..." if param.nargs == -1 else "")
    if getattr(param, "is_flag", False):
        on_by_default = param.secondary_opts and param.default
        return "/".join([*param.opts, *param.secondary_opts] if on_by_default else param.opts)
    return f"{', '.join(param.opts)} {param.metavar or 'VALUE'}"


def _about(param: Any, ctx: Any) -> str:
    about, default = param.help or "", param.get_default(ctx, call=False)
    if getattr(param, "is_flag", False):
        default = param.opts[0] if default and param.secondary_opts else None
    if not isinstance(default, str | int | float) or not getattr(param, "show_default", True) or default == "":
        return about
    return f"{about} Default: {default:g}." if isinstance(default, float) else f"{about} Default: {default}."


def _row(names: str, about: str, width: int) -> str:
    """Return an option's names beside what it is; long names have a line of their own."""
    lines = textwrap.wrap(about, max(20, width - NAMES - 2), break_on_hyphens=False) or [""]
    shown = _style(names, fg="cyan") + " " * max(0, NAMES - 2 - len(names))
    first = [f"  {shown}  {lines.pop(0)}"] if len(names) <= NAMES - 2 else _folded(names, width)
    return "\n".join(line.rstrip() for line in [*first, *(" " * (NAMES + 2) + line for line in lines)])


def _folded(names: str, width: int) -> list[str]:
    """Break names too long for a line between the choices of a value."""
    lines = textwrap.wrap(names.replace("|", "| "), width - 6) or [names]
    return ["  " + ("    " if n else "") + _style(it.replace("| ", "|"), fg="cyan") for n, it in enumerate(lines)]


def _first_sentence(text: str) -> str:
    paragraph = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
    return paragraph.partition(": ")[0].partition(". ")[0].rstrip(".") + "." if paragraph else ""


def _head(text: str) -> str:
    return _style(text, bold=True)


def _style(text: str, **how: Any) -> str:
    """Colour a text, for `typer.echo`, which takes colours out where there is no terminal."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, **how)
