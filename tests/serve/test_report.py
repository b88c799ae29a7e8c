"""The report: one file that holds everything, and nothing that could run by mistake."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tests.lens.hostile_run import HOSTILE, small_run

from tidegate.errors import ArgumentError
from tidegate.lens.session.text_session import TextSession
from tidegate.serve import report as module
from tidegate.serve.bundle import bundle
from tidegate.serve.page_data import question_key
from tidegate.serve.screens import SCREENS
from tidegate.train import Run, load_run


class Elements(HTMLParser):
    """Every element that a browser sees, with what stands in scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.held: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.inside.append(dict(attrs).get("id") or dict(attrs).get("type") or tag)

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.held[self.inside[-1]] = self.held.get(self.inside[-1], "") + data

    def handle_endtag(self, tag: str) -> None:
        if self.inside:
            self.inside.pop()


@pytest.fixture(scope="module")
def text(report_file: Path) -> str:
    return report_file.read_text(encoding="utf-8")


def test_a_report_loads_and_runs_nothing_but_its_own_script(text: str):
    page = Elements(text)
    scripts = [attributes for tag, attributes in page.seen if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "answers"}, {"type": "module"}]
    assert not [it for it in page.seen if {"src", "onerror", "onclick", "onload"} & set(it[1])]
    assert {attributes["href"] for tag, attributes in page.seen if "href" in attributes} <= {"#main", "data:,"}
    (policy,) = [unescape(a["content"] or "") for tag, a in page.seen if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind, tag in (("module", "script"), ("style", "style")):
        digest = b64encode(sha256(page.held[kind].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_text_cannot_end_the_data(text: str, session: TextSession):
    page = Elements(text)
    answers = json.loads(page.held["answers"])
    assert answers["text?run=0&text=0"]["text"] == session.text(0)
    assert "<script>" in HOSTILE
    assert "<" not in re.search(r'id="answers">(.*)</script>', text)[1]  # type: ignore[index]


def test_a_report_has_the_answers_of_all_recorded_questions(text: str, session: TextSession):
    answers = json.loads(Elements(text).held["answers"])
    asked = {question_key(name, given) for it in SCREENS if it.shown(session) for name, given in it.recorded(session)}
    assert set(answers) == asked | {"about?"}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({}, "v?"),
        ({"b": 1, "a": "x y"}, "v?a=x+y&b=1"),
        ({"a": "é&=+%*-._~'(){}[],:\"/"}, None),
    ],
)
def test_questions_are_written_as_the_page_writes_them(given: dict[str, Any], written: str | None, browser: Any):
    page = browser.new_page()
    sent = page.evaluate(
        "given => new URLSearchParams(Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1))).toString()", given
    )
    page.close()
    assert question_key("v", given) == "v?" + sent
    assert written is None or question_key("v", given) == written


def test_an_unknown_form_of_import_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    files = {"a.js": 'import { b as c } from "./b.js";\nexport const d = c + 1;\n', "b.js": "export const b = 1;\n"}

    def with_files(changes: dict[str, str]) -> str:
        for name, content in {**files, **changes}.items():
            (tmp_path / name).write_text(content)
        monkeypatch.setattr("tidegate.serve.bundle.FILES", {name: tmp_path / name for name in files})
        return bundle("a.js")

    assert "const { b: c } = module0;" in with_files({})
    made = with_files(
        {"a.js": 'import {\n  b as c,\n  d,\n} from "./b.js";\n', "b.js": "export const b = 1;\nexport let d;\n"}
    )
    assert re.search(r"const \{ b: c,\s+d \} = module0;", made)
    for wrong in ('import * as b from "./b.js";', 'export * from "./b.js";', 'const x = "</script>";'):
        with pytest.raises(AssertionError, match="cannot be put into a report"):
            with_files({"a.js": wrong + "\n"})


def test_an_interrupted_report_leaves_the_old_one(
    session: TextSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        module.write_report(session, path)
    assert [it.name for it in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    ("options", "text", "refused"),
    [
        ({"cell": "rnn_relu"}, HOSTILE, set()),
        ({"hidden_size": 1}, HOSTILE, {"measured", "changed"}),
        ({}, "de", {"flow"}),
        ({"prepared": {"splits": None}}, HOSTILE, {"found"}),
    ],
)
def test_a_question_that_fails_stores_its_error_and_the_others_work(
    tmp_path: Path, options: dict[str, Any], text: str, refused: set[str]
):
    run = small_run(tmp_path / "run", **{"num_layers": 1, **options})
    with TextSession([run], text) as session:
        answers = json.loads(Elements(module.report(session)).held["answers"])
    wrong = {name.partition("?")[0] for name, it in answers.items() if isinstance(it, dict) and "error" in it}
    assert wrong == refused
    assert answers["text?run=0&text=0"]["text"] == text


def test_a_run_without_its_text_has_a_report(run: Run, tmp_path: Path):
    shutil.copytree(run.folder, tmp_path / "run")
    with TextSession([load_run(tmp_path / "run")], HOSTILE) as session:
        for path in (tmp_path / "run").rglob("corpus.npy"):
            path.unlink()
        answers = json.loads(Elements(module.report(session)).held["answers"])
    assert "corpus.npy" in answers["found?"]["error"]
    assert answers["gates?run=0&text=0"]["memory"]


def test_a_report_that_is_too_large_raises(session: TextSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    module.check_size(session)
    whole = len(module.report(session))
    monkeypatch.setattr(module, "LARGEST", 100_000)
    with pytest.raises(ArgumentError, match=r"would take about 0 MB: give a text of at most (\d+) characters") as error:
        module.write_report(session, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
    assert 100 < int(re.search(r"at most (\d+)", str(error.value))[1]) < 400  # type: ignore[index]
    assert whole < 64 << 20
