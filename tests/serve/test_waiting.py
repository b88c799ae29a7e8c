"""Answers that take time: what the server says meanwhile, what it still answers, and when it stops computing."""

from __future__ import annotations

import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.lens.hostile_run import HOSTILE

from tidegate.errors import ArgumentError
from tidegate.lens.progress import Cancelled, report_progress
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens import Screen
from tidegate.serve.server import NEWER, application
from tidegate.train import Run, load_run

LINES = {"Accept": "application/x-ndjson"}
WAIT = 20  # seconds that a test waits at most


class Search:
    """A search of hidden units that lasts until it is told to go on, or nobody waits for it."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.stopped = Event(), Event(), Event()
        self.fails = False

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.begun.set()
        try:
            while not self.go_on.wait(0.01):
                report_progress("Searching", 0.25)
        except Cancelled:
            self.stopped.set()
            raise
        raise ArgumentError("nothing is found here") if self.fails else ZeroDivisionError


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Iterator[Search]:
    made = Search()
    monkeypatch.setattr("tidegate.lens.session.text_session.findings_of", made)
    monkeypatch.setattr("tidegate.lens.session.computations.GRACE", 0.0)
    yield made
    made.go_on.set()


@pytest.fixture(scope="module")
def address(run: Run, serve: Callable[[TextSession], str]) -> Iterator[str]:
    """A page of its own, whose session has no findings in its cache."""
    with TextSession([run], HOSTILE) as session:
        yield serve(session) + "api/"


def lines_of(address: str) -> Any:
    return urllib.request.urlopen(urllib.request.Request(address, headers=LINES), timeout=WAIT)


def test_an_answer_that_takes_time_is_lines_of_progress_parts_and_the_answer(run: Run, monkeypatch: pytest.MonkeyPatch):
    with TextSession([run], HOSTILE) as other:
        client = TestClient(application(other), base_url="http://127.0.0.1")
        monkeypatch.setattr("tidegate.serve.server.QUICK", 0.0)
        monkeypatch.setattr("tidegate.serve.question.EVERY", 0.0)
        answer = client.get("/api/found?pattern=[a-f]", headers=LINES)
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(it) for it in answer.text.splitlines()]
        assert lines[-1]["answer"] == client.get("/api/found?pattern=[a-f]").json()
        shares = [it["progress"]["share"] for it in lines if "progress" in it]
        assert shares == sorted(shares)
        parts = [it["partial"] for it in lines if "partial" in it]
        assert parts
        for part in parts:
            (early,), (late,) = part["found"], lines[-1]["answer"]["found"]
            assert early["untrained"] is None or early["untrained"] <= late["untrained"]
            assert {k: early[k] for k in ("unit", "score", "shuffled")} == {
                k: late[k] for k in ("unit", "score", "shuffled")
            }
        refused = client.get("/api/strip?unit=999&name=c", headers=LINES)
        assert "there are 12" in refused.text


def test_a_partial_result_that_is_of_another_view_is_not_sent(run: Run, monkeypatch: pytest.MonkeyPatch):
    def inner(session: TextSession) -> str:
        report_progress("Searching", 0.25, partial=object())
        time.sleep(0.2)
        return "whole"

    monkeypatch.setattr("tidegate.serve.server.SCREENS", [Screen("inner", "Inner", {"inner": inner})])
    monkeypatch.setattr("tidegate.serve.server.QUICK", 0.0)
    with TextSession([run], HOSTILE) as session:
        lines = TestClient(application(session), base_url="http://127.0.0.1").get("/api/inner", headers=LINES).text
    assert [json.loads(it) for it in lines.splitlines()] == [
        {"progress": {"what": "Searching", "share": 0.25}},
        {"answer": "whole"},
    ]


def test_what_needs_no_search_is_answered_during_one(address: str, search: Search):
    with lines_of(address + "found") as answer:
        assert search.begun.wait(WAIT)
        assert json.loads(answer.readline()) == {"progress": {"what": "Searching", "share": 0.25}}
        for question in ("about", "text", "training", "strip?unit=3&name=c", "guesses?start=0&stop=9", "gates"):
            with urllib.request.urlopen(address + question, timeout=WAIT) as other:
                assert other.status == 200
        asked = urllib.request.Request(
            address + "text", json.dumps({"text": "def f("}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=WAIT) as other:  # it is read at once: the newest comes first
            assert json.load(other)["text"] >= 1
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address + "found?pattern=(", timeout=WAIT)
        assert "is not a regular expression" in json.load(refused.value)["error"]
        assert not search.stopped.is_set()
        search.fails = True
        search.go_on.set()
        last = json.loads(answer.read().splitlines()[-1])
    assert last == {"error": "nothing is found here", "status": 400}


@pytest.mark.parametrize("headers", [LINES, {}], ids=["lines", "plain"])
def test_what_nobody_waits_for_any_longer_is_not_computed(address: str, search: Search, headers: dict[str, str]):
    host, port = address.split("/")[2].split(":")
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((host, int(port))) as browser:
        browser.sendall(f"GET /api/found HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode())
        assert search.begun.wait(WAIT)
    assert search.stopped.wait(WAIT)


def test_two_tabs_share_a_search_and_one_may_leave(address: str, search: Search):
    first, second = lines_of(address + "found"), lines_of(address + "found")
    first.readline()
    second.readline()
    first.close()
    time.sleep(0.3)
    assert not search.stopped.is_set()
    second.close()
    assert search.stopped.wait(WAIT)


def test_a_browser_that_does_not_read_holds_up_its_own_answer_only(
    session: TextSession, serve: Callable[[TextSession], str], monkeypatch: pytest.MonkeyPatch
):
    written, ended = [0], Event()

    def write(session: TextSession) -> Iterator[dict[str, str]]:
        try:
            for written[0] in range(10_000):
                yield {"text": "x" * 100_000}
        finally:
            ended.set()

    monkeypatch.setattr("tidegate.serve.server.SCREENS", [Screen("write", "Write", {}, {"write": write})])
    host, port = serve(session).split("/")[2].split(":")
    with socket.create_connection((host, int(port))) as browser:
        browser.sendall(f"GET /api/write HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        before = -1
        while not before == written[0] > 0:
            before = written[0]
            time.sleep(0.3)
        assert before < 5000
        with urllib.request.urlopen(f"http://{host}:{port}/api/about", timeout=WAIT) as other:
            assert other.status == 200
    assert ended.wait(WAIT)


def test_a_run_that_changes_under_the_page_is_told(run: Run, tmp_path: Path):
    folder = tmp_path / "run"
    shutil.copytree(run.folder, folder)
    with TextSession([load_run(folder)], "def") as session:
        client = TestClient(application(session), base_url="http://127.0.0.1")
        assert NEWER not in client.get("/api/text").headers
        replaced_by(folder / "model.safetensors", folder / "model.safetensors")
        answer = client.get("/api/text")
        assert (answer.status_code, NEWER in answer.headers) == (200, True)
        replaced_by(folder / "corpus.npy", folder / "corpus.npy")
        answer = client.get("/api/text")
        assert answer.status_code == 400
        assert "Another run was trained in" in answer.json()["error"]
        shutil.rmtree(folder)
        assert client.get("/api/text").json()["text"] == "def"  # of the model that is in memory
        for question in ("found?pattern=[a-f]", "training"):
            answer = client.get("/api/" + question)
            assert (answer.status_code, str(folder) in answer.json()["error"]) == (400, True), answer.text


def replaced_by(path: Path, other: Path) -> None:
    """Replace a file as training does, by another with the same content."""
    (path.parent / "new").write_bytes(other.read_bytes())
    (path.parent / "new").replace(path)
