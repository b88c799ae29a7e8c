"""The page's server: what it answers, what it refuses, and what it lets a browser do."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient
from tests.serve.conftest import small_run

from tidegate.errors import ArgumentError
from tidegate.lens import read
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.screens.training import training
from tidegate.serve.server import application
from tidegate.train import Run, load_run


@pytest.fixture(scope="module")
def client(session: TextSession) -> Any:
    return TestClient(application(session), base_url="http://127.0.0.1")


def test_every_answer_forbids_what_the_page_does_not_need(client):
    for path in ("/", "/app.js", "/api/about", "/nothing", "/api/strip?unit=x&name=c"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_only_the_pages_own_files_are_served(client):
    for path in ("/../app.py", "/..%2fapp.py", "/%2e%2e/app.py", "/__init__.py", "//etc/passwd", "/vendor", "/docs"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "error" in answer.json()
    assert "Mike Bostock" in client.get("/vendor/d3.LICENSE").text
    assert "Observable, Inc." in client.get("/vendor/plot.LICENSE").text


def test_requests_of_other_sites_are_refused(client):
    assert client.get("/", headers={"host": "rebound.example"}).status_code == 400
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        assert client.get("/api/about", headers={"sec-fetch-site": site}).status_code == status
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200  # a link to the page
    post = dict(json={"text": "def"})
    assert client.post("/api/text", headers={"origin": "https://other.example"}, **post).status_code == 403
    assert client.post("/api/text", headers={"origin": "http://127.0.0.1"}, **post).status_code == 200
    # What a form of another site can send without being asked first:
    assert (
        client.post("/api/text", content='{"text": "def"}', headers={"content-type": "text/plain"}).status_code == 422
    )


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("strip?unit=999&name=c", "unit 999: there are 12, 0 to 11"),
        ("strip?unit=1&name=x", "no 'x' in the trace: it has i, f, g, o, h, c"),
        ("strip?unit=one&name=c", "unit: Input should be a valid integer"),
        ("strip?name=c", "unit: Field required"),
        ("strip?unit=1&name=c&layer=2", "layer 2: there are 2"),
        ("text?text=77", "There is no text 77"),
        ("text?run=1", "There is no run 1"),
        ("training?run=5", "There is no run 5"),
        ("training?run=-1", "There is no run -1"),
        ("guesses?start=5&stop=5", "give a stretch"),
        ("guesses?start=-1&stop=5", "give a stretch"),
        ("guesses?start=0&stop=100000", "give a stretch"),
    ],
)
def test_an_invalid_question_has_an_error_message(client, question, said):
    answer = client.get("/api/" + question)
    assert answer.status_code in (400, 422)
    assert said in answer.json()["error"]


def test_surprise_and_guesses_are_the_models(client, run):
    text = held_out_text(run, 400)
    reading = read(run.model, run.tokenizer, text)
    said = client.get("/api/text").json()
    assert (said["text"], said["steps"], said["pieces"]) == (text, len(reading), None)
    assert said["nats"] == pytest.approx(reading.loss, abs=1e-4)
    answer = client.get("/api/guesses?start=7&stop=9").json()
    assert answer["nats"] == pytest.approx(-reading.log_p[7:9], abs=1e-4)
    for row, ids, shares in zip(answer["guesses"], reading.guesses[7:9], reading.guessed[7:9], strict=True):
        assert [piece for piece, _ in row] == [run.tokenizer.token_text(int(it)) for it in ids]
        assert [p for _, p in row] == pytest.approx(shares, abs=1e-4)


def test_a_strip_is_the_units_value_to_half_a_step(client, run):
    reading = read(run.model, run.tokenizer, held_out_text(run, 400))
    packed = client.get("/api/strip?unit=3&name=c&layer=1").json()
    values = np.frombuffer(b64decode(packed["data"]), np.int8) / 127 * packed["scale"]
    np.testing.assert_allclose(values, reading.trace[1, 0]["c"][:, 3], atol=packed["scale"] / 127)


def test_a_typed_text_is_read(client, run):
    number = client.post("/api/text", json={"text": "return {"}).json()["text"]
    said = client.get(f"/api/text?text={number}").json()
    assert said["text"] == "return {"
    assert said["nats"] == pytest.approx(read(run.model, run.tokenizer, "return {").loss, abs=1e-4)
    for text, why in (("", "nothing to read"), ("字", "not in the vocabulary"), ("x" * 200_001, "at most 200,000")):
        answer = client.post("/api/text", json={"text": text})
        assert answer.status_code == 400
        assert why in answer.json()["error"]
    assert client.get(f"/api/text?text={number + 1}").status_code == 400  # what was refused left nothing behind


def test_writing_streams_what_generate_writes(client, run):
    from tidegate.text.generation import generate

    asked = dict(name="c", prompt="def ", length=40, temperature=0.9, seed=5, layer=1, unit=2)
    lines = [json.loads(line) for line in client.get("/api/write", params=asked).text.splitlines()]
    pieces = generate(run.model, run.tokenizer, "def ", length=40, temperature=0.9, seed=5)
    assert "".join(it["text"] for it in lines) == "".join(piece.text for piece in pieces)
    assert all(len(it["guesses"]) == 5 and it["nats"] >= 0 for it in lines)
    reading = read(run.model, run.tokenizer, "def " + "".join(it["text"] for it in lines))
    # The prompt is read from a state of zeros here, after a newline there: the values differ by that alone.
    assert len(lines) == 40 == len(reading) - 4
    last = json.loads(client.get("/api/write", params=asked | {"temperature": -1}).text.splitlines()[-1])
    assert "temperature is -1.0" in last["error"]
    (said,) = client.get("/api/write", params=asked | {"seed": -1}).text.splitlines()
    assert "seed is -1" in json.loads(said)["error"]


def test_a_bug_is_reported_with_the_same_headers(
    session: TextSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*asked: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("tidegate.serve.screens.read.rounded", broken)
    monkeypatch.setattr("tidegate.serve.screens.write.rounded", broken)
    client = TestClient(application(session), base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = client.get("/api/text")
    assert (answer.status_code, "ZeroDivisionError" in answer.json()["error"]) == (500, True)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    (said,) = client.get("/api/write?name=c&length=3").text.splitlines()
    assert "ZeroDivisionError" in json.loads(said)["error"]
    assert "Traceback" in caplog.text


def altered(run: Run, folder: Path, metrics: bytes | None) -> TextSession:
    """The run with another record of its training."""
    shutil.copytree(run.folder, folder)
    (folder / "metrics.jsonl").unlink()
    if metrics is not None:
        (folder / "metrics.jsonl").write_bytes(metrics)
    return TextSession([load_run(folder)], "def")


def test_a_line_that_is_being_written_is_left_out(run: Run, tmp_path: Path):
    whole = (run.folder / "metrics.jsonl").read_bytes()
    with TextSession([run], "def") as before, altered(run, tmp_path / "run", whole + whole[:30]) as now:
        assert training(now) == training(before)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (None, "metrics.jsonl cannot be read: No such file"),
        (b'{"event": "validation", "step": Infinity, "nats": 1}\n', "line 1 was altered"),
        (b'{"event": "validation", "nats": 1}\n', "line 1 was altered"),
        (b"\xff\n", "line 1 was altered"),
        (b"[" * 99_999 + b"\n", "line 1 was altered"),
    ],
)
def test_an_unreadable_metrics_file_is_an_error(run: Run, tmp_path: Path, metrics: bytes | None, said: str):
    with altered(run, tmp_path / "run", metrics) as session:
        answer = TestClient(application(session), base_url="http://127.0.0.1").get("/api/training")
    assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text


def test_copies_are_marked_and_nothing_else(client, run):
    training = run.tokenizer.decode(run.open_data().train)
    text = "e)e)e)" + training[10:60] + "e)e)e)"
    found = client.get("/api/copies", params={"written": text}).json()
    assert found == {"length": 20, "stretches": [[6, 56]]}
    assert client.get("/api/copies?written=").json() == {"length": 20, "stretches": []}


def test_a_run_without_held_out_text_has_an_error_message(tmp_path: Path):
    whole = small_run(tmp_path / "whole", prepared={"splits": None})
    with pytest.raises(ArgumentError, match=r"whole has no held-out text: it was trained on all of its text"):
        held_out_text(whole, 100)
    with TextSession([whole], "def f") as session:
        client = TestClient(application(session), base_url="http://127.0.0.1")
        assert client.get("/api/text").json()["text"] == "def f"
        edits = '[{"layer":0,"name":"c","unit":1,"low":0,"high":0}]'
        for answer in (client.get("/api/found"), client.get("/api/measured", params={"edits": edits})):
            assert (answer.status_code, "no held-out text" in answer.json()["error"]) == (400, True)
        assert client.get("/api/changed", params={"edits": edits}).status_code == 200


def test_the_models_are_left_as_they_were(run: Run, client: Any):
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    client.get("/api/write", params=dict(name="c", length=5))
    assert not run.model.training
    for name, value in run.model.named_parameters():
        assert torch.equal(value, before[name])


def test_pieces_of_several_characters_differ_from_as_many_of_one(tmp_path: Path):
    run = small_run(tmp_path / "run", "字本 x\n" * 300, prepared={"tokenizer": "bytes"}, num_layers=1)
    with TextSession([run], "字字") as session:
        said = TestClient(application(session), base_url="http://127.0.0.1").get("/api/text").json()
    assert said["pieces"] == ["", "", "字"] * 2


def test_as_many_tokens_as_characters_need_not_be_a_character_each(tmp_path: Path):
    """A character of two bytes and a token of two characters make as many tokens as characters."""
    run = small_run(tmp_path / "run", "the cat the dog\n" * 200, prepared={"tokenizer": "bpe", "vocabulary_size": 265})
    with TextSession([run], "x") as session:
        text = next(
            text
            for text in ("é" * n + " the" * m for n in range(1, 9) for m in range(1, 9))
            if len(run.tokenizer.encode(text)) == len(text)
        )
        session.add(text)
        said = TestClient(application(session), base_url="http://127.0.0.1").get("/api/text?text=1").json()
    assert "".join(said["pieces"]) == said["text"] == text
