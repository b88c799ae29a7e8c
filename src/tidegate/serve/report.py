"""A report: the page and the answers to its questions in one file, which works without a server or a network."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from tidegate.errors import ArgumentError, TidegateError
from tidegate.io.files import replacing
from tidegate.lens.session.session import Looked
from tidegate.lens.session.text_session import Looking
from tidegate.serve.about import about
from tidegate.serve.page import FILES
from tidegate.serve.questions import address
from tidegate.serve.screens import SCREENS, Screen

LARGEST = 64 << 20  # bytes of a report
OTHER = 300  # bytes that a report takes for each unit of the text, besides gates and states: guesses above all
IMPORT = re.compile(r'^import (?:\{(?P<names>[^}]*)\}|(?P<default>\w+)) from "(?P<path>[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?P<what>(?:async )?function\*?|const|let|class) (?P<name>\w+)", re.MULTILINE)
STYLESHEET = re.compile(r'<link rel="stylesheet" href="/(?P<path>[^"]+)">')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
DEFAULT = re.compile(r"^export \{ (?P<name>\w+) as default \};$", re.MULTILINE)


def report(looking: Looked) -> str:
    """The page as one HTML file, with all that its screens have recorded.

    Raises:
        ArgumentError: it would be too large.
    """
    if isinstance(looking, Looking):
        check_size(looking)
    answers: dict[str, Any] = {address("about", {}): about(looking)}
    for screen in SCREENS:
        if screen.shown(looking):
            answers |= _answers(looking, screen)
    page = _read("index.html")
    script, style = bundle("app.js"), "\n".join(map(_read, STYLESHEET.findall(page)))
    # A "<" in the data could end their element; what JSON means is the same with its escape.
    data = json.dumps(answers, ensure_ascii=True, allow_nan=False).replace("<", "\\u003c")
    policy = f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
    policy += "base-uri 'none'; form-action 'none'"
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(looking.run.folder.name)} - Tidegate</title>\n<style>{style}</style>\n</head>\n"
    )
    body = page.partition("<body>")[2].partition("<script")[0]
    return (
        f'{head}<body>{body}<script type="application/json" id="answers">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _answers(looking: Looked, screen: Screen) -> dict[str, Any]:
    """What a screen has recorded; a question that cannot be answered says why, and the others stand."""
    answers: dict[str, Any] = {}
    # Questions may follow from an answer (which units were found): where there is none, that answer says why.
    with suppress(TidegateError):
        for name, asked in screen.recorded(looking):
            try:
                answers[address(name, asked)] = screen.views[name](looking, **asked)
            except TidegateError as error:
                answers[address(name, asked)] = {"error": str(error)}
    return answers


def check_size(looking: Looking) -> None:
    """Refuse a text whose report would be too large to be opened.

    Raises:
        ArgumentError: it would have more than 64 MiB or so.
    """
    trace = looking.reading().trace
    values = sum(named[name].shape[1] for named in trace.values.values() for name in trace.names)
    each = OTHER + values * 4 // 3  # a byte each, in base64
    if len(trace) * each > LARGEST:
        raise ArgumentError(
            f"a report of this text would take about {len(trace) * each / 1e6:,.0f} MB: give a text of at most "
            f"{LARGEST // each:,} {looking.run.tokenizer.name}s, or look at the live page (without --out)"
        )


def write_report(looking: Looked, path: Path) -> None:
    """Write a report; the file is whole or not there."""
    made = report(looking).encode("utf-8", "backslashreplace")
    with replacing(Path(path)) as file:
        file.write(made)


def bundle(entry: str) -> str:
    """An ES module and all that it imports as one: each module is a function that returns what it exports.

    The modules keep to the forms of ``import`` and ``export`` that are matched here; another form is refused.
    """
    made: dict[str, str] = {}

    def add(name: str) -> str:
        if name in made:
            return f"module{list(made).index(name)}"
        text, head = _read(name), []
        for found in IMPORT.finditer(text):
            inner = add((Path("/") / Path(name).parent / found["path"]).resolve().relative_to("/").as_posix())
            names = found["names"].replace(" as ", ": ") if found["names"] else f"default: {found['default']}"
            head.append(f"const {{ {names.strip().rstrip(',')} }} = {inner};")
        exported = [found["name"] for found in EXPORT.finditer(COMMENT.sub("", text))]
        exported += [f"default: {found['name']}" for found in DEFAULT.finditer(text)]
        text = DEFAULT.sub("", EXPORT.sub(r"\g<what> \g<name>", IMPORT.sub("", text)))
        if left := re.search(r"^(?:import|export)\b.*$|</script|<!--", text, re.MULTILINE):
            raise AssertionError(f"{name}: {left[0]!r} cannot be put into a report")
        made[name] = "\n".join(["(() => {", *head, text, f"return {{ {', '.join(exported)} }};", "})()"])
        return f"module{list(made).index(name)}"

    add(entry)
    return "\n".join(f"const module{n} = {text};" for n, text in enumerate(made.values()))


def _read(name: str) -> str:
    return FILES[name].read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
