"""What all commands have in common: help in 80 columns, and options that are given once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer

from tidegate.cli.display.help_text import help_text

__all__ = ["OnceOnly", "PlainHelp"]


class PlainHelp:
    """A command whose help is `help_text`."""

    no_args_is_help: bool

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; of a command that does nothing without arguments, print the help, as click does."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            typer.echo(help_text(self, ctx), nl=False, err=True)  # typer prints only help that it formats itself
            raise typer.Exit(2)
        return super().parse_args(ctx, args)  # type: ignore[misc]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        formatter.write(help_text(self, ctx))


class OnceOnly:
    """A command whose options are given once, except those that take several values one by one."""

    make_parser: Any

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line.

        Raises:
            BadParameter: an option is given twice; which of the two was meant cannot be known.
        """
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for param, times in Counter(order).items():
            if times > 1 and param.param_type_name == "option" and not param.multiple and not ctx.resilient_parsing:
                raise typer.BadParameter(f"it takes one value, but is given {times} times", ctx=ctx, param=param)
        return super().parse_args(ctx, args)  # type: ignore[misc]
