"""A report: the page and the answers to its questions in one HTML file, without a server or a network."""

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
from tidegate.lens.progress import part_of, report_progress
from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.bundle import bundle
from tidegate.serve.page import FILES
from tidegate.serve.page_data import about, question_key
from tidegate.serve.screens import SCREENS, Screen

LARGEST = 64 << 20  # bytes of a report
OTHER = 300  # bytes of a report for each token of the text and run besides gates and states: guesses above all
STYLESHEET = re.compile(r'<link rel="stylesheet" href="/(?P<path>[^"]+)">')


def report(session: Session) -> str:
    """Return the page as one HTML file, with the answers that its screens record.

    Raises:
        ArgumentError: it would be too large.
    """
    if isinstance(session, TextSession):
        check_size(session)
    answers: dict[str, Any] = {}
    shown = [it for it in SCREENS if it.shown(session)]
    for number, screen in enumerate(shown):
        title = f"{screen.title_for(session)} ({number + 1} of {len(shown)})"
        report_progress(title, number / len(shown))
        with part_of(title):
            answers |= _answers(session, screen)
    answers[question_key("about", {})] = about(
        session, in_report=True
    )  # last: it has the best finding, once it is known
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
        f"<title>{escape(session.run.label)} - Tidegate</title>\n<style>{style}</style>\n</head>\n"
    )
    body = page.partition("<body>")[2].partition("<script")[0]
    return (
        f'{head}<body>{body}<script type="application/json" id="answers">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>\n</html>\n'
    )


def _answers(session: Session, screen: Screen) -> dict[str, Any]:
    """Return what a screen records; a question that cannot be answered has its error as the answer."""
    answers: dict[str, Any] = {}
    # Questions may depend on an answer (which units were found): if that failed, its error is already stored.
    with suppress(TidegateError):
        for name, asked in screen.recorded(session):
            try:
                answers[question_key(name, asked)] = screen.views[name](session, **asked)
            except TidegateError as error:
                answers[question_key(name, asked)] = {"error": str(error)}
    return answers


def check_size(session: TextSession) -> None:
    """Check that the report of a text would not be too large for a browser.

    Raises:
        ArgumentError: it would have more than about 64 MiB.
    """
    trace = session.reading().trace
    values = sum(named[name].shape[1] for named in trace.values.values() for name in trace.names)
    each = OTHER * len(session.runs) + values * 4 // 3  # a byte each, in base64
    if len(trace) * each > LARGEST:
        raise ArgumentError(
            f"A report of this text would take about {len(trace) * each / 1e6:,.0f} MB: give a text of at most "
            f"{LARGEST // each:,} {session.run.tokenizer.name}s, or look at the live page (without --out)."
        )


def write_report(session: Session, path: Path) -> None:
    """Write a report; an interrupted write leaves no partial file."""
    content = report(session).encode("utf-8", "backslashreplace")
    with replacing(Path(path)) as file:
        file.write(content)


def _read(name: str) -> str:
    return FILES[name].read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
