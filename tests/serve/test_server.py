"""The page's server: what it answers, what it refuses, and what it lets a browser do."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient
from tests.serve.conftest import HOSTILE, small_run

from tidegate.errors import ArgumentError
from tidegate.lens import read
from tidegate.lens.session.lru_cache import Kept
from tidegate.lens.session.text_session import IN_MEMORY, KEPT, Looking, held_out
from tidegate.serve.screens.training import training
from tidegate.serve.server import application
from tidegate.train import Run, load_run


@pytest.fixture(scope="module")
def client(looking: Looking) -> Any:
    return TestClient(application(looking), base_url="http://127.0.0.1")


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
    assert client.get("/vendor/uPlot.LICENSE").text.startswith("The MIT License")


def test_another_sites_name_or_page_is_refused(client):
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
        ("strip?unit=1&name=x", "no 'x' was kept, but i, f, g, o, h, c"),
        ("strip?unit=one&name=c", "unit: Input should be a valid integer"),
        ("strip?name=c", "unit: Field required"),
        ("strip?unit=1&name=c&layer=2", "layer 2: there are 2"),
        ("text?text=77", "there is no text 77"),
        ("text?run=1", "there is no run 1"),
        ("training?run=5", "there is no run 5"),
        ("training?run=-1", "there is no run -1"),
        ("guesses?start=5&stop=5", "give a stretch"),
        ("guesses?start=-1&stop=5", "give a stretch"),
        ("guesses?start=0&stop=100000", "give a stretch"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_why(client, question, said):
    answer = client.get("/api/" + question)
    assert answer.status_code in (400, 422)
    assert said in answer.json()["error"]


def test_surprise_and_guesses_are_the_models(client, run):
    text = held_out(run, 400)
    reading = read(run.model, run.tokenizer, text)
    said = client.get("/api/text").json()
    assert (said["text"], said["steps"], said["pieces"]) == (text, len(reading), None)
    assert said["nats"] == pytest.approx(reading.nats, abs=1e-4)
    answer = client.get("/api/guesses?start=7&stop=9").json()
    assert answer["nats"] == pytest.approx(-reading.log_p[7:9], abs=1e-4)
    for row, ids, shares in zip(answer["guesses"], reading.guesses[7:9], reading.guessed[7:9], strict=True):
        assert [piece for piece, _ in row] == [run.tokenizer.token_text(int(it)) for it in ids]
        assert [p for _, p in row] == pytest.approx(shares, abs=1e-4)


def test_a_strip_is_the_units_value_to_half_a_step(client, run):
    reading = read(run.model, run.tokenizer, held_out(run, 400))
    packed = client.get("/api/strip?unit=3&name=c&layer=1").json()
    values = np.frombuffer(b64decode(packed["data"]), np.int8) / 127 * packed["scale"]
    np.testing.assert_allclose(values, reading.trace[1, 0]["c"][:, 3], atol=packed["scale"] / 127)


def test_what_a_person_types_is_read(client, run):
    number = client.post("/api/text", json={"text": "return {"}).json()["text"]
    said = client.get(f"/api/text?text={number}").json()
    assert said["text"] == "return {"
    assert said["nats"] == pytest.approx(read(run.model, run.tokenizer, "return {").nats, abs=1e-4)
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
    assert "seed is -1; give 0" in json.loads(said)["error"]


def test_a_fault_of_ours_is_told_with_the_same_headers(
    looking: Looking, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*asked: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("tidegate.serve.screens.read.rounded", broken)
    monkeypatch.setattr("tidegate.serve.screens.write.rounded", broken)
    client = TestClient(application(looking), base_url="http://127.0.0.1", raise_server_exceptions=False)
    answer = client.get("/api/text")
    assert (answer.status_code, "ZeroDivisionError" in answer.json()["error"]) == (500, True)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    (said,) = client.get("/api/write?name=c&length=3").text.splitlines()
    assert "ZeroDivisionError" in json.loads(said)["error"]
    assert "Traceback" in caplog.text


def altered(run: Run, folder: Path, metrics: bytes | None) -> Looking:
    """The run with another record of its training."""
    shutil.copytree(run.folder, folder)
    (folder / "metrics.jsonl").unlink()
    if metrics is not None:
        (folder / "metrics.jsonl").write_bytes(metrics)
    return Looking([load_run(folder)], "def")


def test_a_line_that_is_being_written_is_left_out(run: Run, tmp_path: Path):
    whole = (run.folder / "metrics.jsonl").read_bytes()
    with Looking([run], "def") as before, altered(run, tmp_path / "run", whole + whole[:30]) as now:
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
def test_a_record_that_cannot_be_read_is_told(run: Run, tmp_path: Path, metrics: bytes | None, said: str):
    with altered(run, tmp_path / "run", metrics) as looking:
        answer = TestClient(application(looking), base_url="http://127.0.0.1").get("/api/training")
    assert (answer.status_code, said in answer.json()["error"]) == (400, True), answer.text


def test_copies_are_marked_and_nothing_else(client, run):
    training = run.tokenizer.decode(run.open_data().train)
    text = "e)e)e)" + training[10:60] + "e)e)e)"
    found = client.get("/api/copies", params={"written": text}).json()
    assert found == {"length": 20, "stretches": [[6, 56]]}
    assert client.get("/api/copies?written=").json() == {"length": 20, "stretches": []}


def test_old_texts_are_read_again_and_long_ones_kept_on_disk(run: Run, monkeypatch: pytest.MonkeyPatch):
    with Looking([run], "x") as looking:
        for n in range(KEPT + 3):
            looking.add("x" * (n + 1))
        assert len(looking._readings) == KEPT
        assert looking.text(KEPT + 3) == "x" * (KEPT + 3)
        assert len(looking.reading(0)) == 1
        monkeypatch.setattr("tidegate.lens.session.text_session.IN_MEMORY", 100)
        number = looking.add(HOSTILE)
        values = looking.reading(number).trace[1, 0]["c"]
        assert isinstance(values, np.memmap)
        in_memory = read(run.model, run.tokenizer, HOSTILE, dtype=np.float16).trace[1, 0]["c"]
        np.testing.assert_array_equal(values, in_memory)
        folder = looking._folder.name
    assert IN_MEMORY > 100
    assert not Path(folder).exists()


def test_a_trace_that_is_dropped_leaves_the_disk_but_not_whoever_reads_it(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tidegate.lens.session.text_session.IN_MEMORY", 10)
    with Looking([run], HOSTILE) as looking:
        values = looking.reading().trace[1, 0]["c"]
        assert isinstance(values, np.memmap)
        path = Path(str(values.filename))
        expected = np.array(values)
        for n in range(KEPT):
            looking.add("x" * (n + 1))
        assert not path.exists()
        again = looking.reading().trace[1, 0]["c"]
        assert isinstance(again, np.memmap)
        assert Path(str(again.filename)) != path
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(again, expected)
        assert len(list(Path(looking._folder.name).iterdir())) == KEPT


def test_old_texts_are_forgotten_but_not_the_first(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tidegate.lens.session.text_session.TEXTS", 3)
    with Looking([run], "x") as looking:
        assert [looking.add("x" * n) for n in range(2, 7)] == [1, 2, 3, 4, 5]
        assert sorted(looking._texts) == [0, 3, 4, 5]
        with pytest.raises(ArgumentError, match=r"no text 2 any longer: give it again"):
            looking.text(2)
        with pytest.raises(ArgumentError, match=r"no text 6$"):
            looking.text(6)


def test_what_is_kept_is_bounded_and_given_while_something_else_is_made():
    started, go_on, gone = Event(), Event(), []
    kept: Kept[str] = Kept(2, RLock(), gone.append)
    assert [kept.get(n, lambda n=n: str(n)) for n in (1, 2, 1, 3)] == ["1", "2", "1", "3"]
    assert (gone, len(kept)) == (["2"], 2)

    def slow() -> str:
        started.set()
        assert go_on.wait(10)
        return "slow"

    threads = [Thread(target=kept.get, args=("slow", slow), daemon=True)]
    threads[0].start()
    assert started.wait(10)
    quick: list[str] = []
    threads += [
        Thread(target=lambda: quick.append(kept.get(3, lambda: "made again")), daemon=True),
        Thread(target=lambda: quick.append(kept.get("slow", lambda: "made twice")), daemon=True),
    ]
    threads[1].start()
    threads[2].start()
    threads[1].join(5)
    assert quick == ["3"]
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert quick == ["3", "slow"]


def test_a_run_without_held_out_text_says_so(tmp_path: Path):
    whole = small_run(tmp_path / "whole", prepared={"splits": None})
    with pytest.raises(ArgumentError, match=r"whole has no held-out text: it was trained on all of its text"):
        held_out(whole, 100)
    with Looking([whole], "def f") as looking:
        client = TestClient(application(looking), base_url="http://127.0.0.1")
        assert client.get("/api/text").json()["text"] == "def f"
        edits = '[{"layer":0,"name":"c","unit":1,"low":0,"high":0}]'
        for answer in (client.get("/api/found"), client.get("/api/measured", params={"edits": edits})):
            assert (answer.status_code, "no held-out text" in answer.json()["error"]) == (400, True)
        assert client.get("/api/changed", params={"edits": edits}).status_code == 200


def test_more_than_four_runs_are_refused(run: Run):
    with pytest.raises(ArgumentError, match="5 runs were given: one to 4"):
        Looking([run] * 5, "x")


def test_the_models_are_left_as_they_were(run: Run, client: Any):
    before = {name: value.clone() for name, value in run.model.named_parameters()}
    client.get("/api/write", params=dict(name="c", length=5))
    assert not run.model.training
    for name, value in run.model.named_parameters():
        assert torch.equal(value, before[name])


def test_pieces_of_several_characters_are_told_from_as_many_of_one(tmp_path: Path):
    run = small_run(tmp_path / "run", "字本 x\n" * 300, prepared={"units": "bytes"}, num_layers=1)
    with Looking([run], "字字") as looking:
        said = TestClient(application(looking), base_url="http://127.0.0.1").get("/api/text").json()
    assert said["pieces"] == ["", "", "字"] * 2


def test_as_many_units_as_characters_are_not_a_character_each(tmp_path: Path):
    """A character of two bytes and a token of two characters make as many units as characters."""
    run = small_run(tmp_path / "run", "the cat the dog\n" * 200, prepared={"units": "bpe", "vocabulary_size": 265})
    with Looking([run], "x") as looking:
        text = next(
            text
            for text in ("é" * n + " the" * m for n in range(1, 9) for m in range(1, 9))
            if len(run.tokenizer.encode(text)) == len(text)
        )
        looking.add(text)
        said = TestClient(application(looking), base_url="http://127.0.0.1").get("/api/text?text=1").json()
    assert "".join(said["pieces"]) == said["text"] == text
