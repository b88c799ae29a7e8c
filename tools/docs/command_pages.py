"""A page for each command, made from the command line itself: what it does, and its options by subject."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from tidegate.cli.app import app
from tidegate.cli.display.help_text import MORE
from tidegate.train.registry import BUILT_IN
from tools.docs.escaped import escaped

PROGRAM = "tidegate"


def command_pages() -> dict[str, str]:
    """Return the pages by name: an overview, the commands, and `train` for each task."""
    main: Any = typer.main.get_command(app)
    commands: dict[str, Any] = {}
    for name, command in main.commands.items():
        if hasattr(command, "resolve_command"):  # a group: its commands have options of their own
            commands |= {f"{name} {sub}": command.resolve_command(None, [sub])[1] for sub in command.commands}
        else:
            commands[name] = command
    about = {f"train {task}": it.summary for task, it in BUILT_IN.items()}
    pages = {f"commands/{_file(name)}": _page(name, command) for name, command in commands.items()}
    return {"commands/index.md": _overview(main, commands, about), **pages}


def _overview(main: Any, commands: dict[str, Any], about: dict[str, str]) -> str:
    rows = [
        f"| [`{PROGRAM} {name}`]({_file(name)}) | {_text(about.get(name) or _first(command.help))} |"
        for name, command in commands.items()
    ]
    return "\n".join(
        [
            "# Command line",
            "",
            f"`{PROGRAM} COMMAND --help` prints the same in a terminal. The exit code is 0, 2 for a mistake in the "
            "arguments or files, which is said in a sentence, or 130 after Ctrl-C.",
            "",
            "| command | what it does |",
            "| --- | --- |",
            *rows,
            "",
            "Before the command:",
            "",
            _listed([it for it in main.params if not getattr(it, "hidden", False)]),
            "",
        ]
    )


def _page(name: str, command: Any) -> str:
    shown = [it for it in command.params if not getattr(it, "hidden", False)]
    arguments = [it for it in shown if not _is_option(it)]
    usage = [PROGRAM, name, *(_value(it) if it.required else f"[{_value(it)}]" for it in arguments), "[OPTIONS]"]
    parts = [f"# {PROGRAM} {name}", f"```text\n{' '.join(usage)}\n```", _about(command.help or "")]
    panels: dict[str, list[Any]] = {}
    for it in shown:
        usual = "Options" if _is_option(it) else "Arguments"
        panel = (getattr(it, "rich_help_panel", None) or usual).removesuffix(MORE)
        panels.setdefault(panel, []).append(it)
    for panel, params in panels.items():
        parts += [f"## {panel}", _listed(params)]
    return "\n\n".join(parts) + "\n"


def _listed(params: list[Any]) -> str:
    """A definition list, which a narrow screen shows whole."""
    return "\n\n".join(f"{_names(it)}\n:   {' '.join([_text(it.help or ''), *_default(it)])}" for it in params)


def _names(it: Any) -> str:
    if not _is_option(it):
        return f"`{_value(it)}`"
    value = "" if it.is_flag else f" {_value(it)}"
    return ", ".join(f"`{name}{value}`" for name in (*it.opts, *it.secondary_opts))


def _value(it: Any) -> str:
    return it.metavar or it.name.upper()


def _default(it: Any) -> list[str]:
    if it.default is None or it.default is False or it.default in ("", (), []) or callable(it.default):
        return []
    return [f"*Default:* `{'on' if it.default is True else it.default}`."]


def _is_option(it: Any) -> bool:
    return bool(it.opts) and it.opts[0].startswith("-")


def _first(help: str | None) -> str:
    return (help or "").split("\n\n", 1)[0]


def _file(name: str) -> str:
    return f"{name.replace(' ', '_')}.md"


def _text(text: str) -> str:
    return escaped(" ".join(text.split()), "`|\\")


def _about(help: str) -> str:
    """The help of a command; its indented lines (examples) as code."""
    about, code = list[str](), False
    for line in inspect.cleandoc(help).split("\n"):
        if line.startswith("    ") != code:
            about += ["", "```text"] if not code else ["```", ""]
            code = not code
        about.append(line.removeprefix("    ") if code else escaped(line, "`\\"))
    return "\n".join([*about, "```"] if code else about)
