"""``tidegate look``: the page, the report, and what a person gets wrong."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from tests.cli.command_line import command, environment
from typer.testing import Result

from tidegate.cli.verbs.look import _passage
from tidegate.train import load_run

# The command line, with a search of hidden units that never says how far it is, and so cannot be stopped.
ENDLESS = """
import time
import tidegate.lens.session.text_session as sessions

def search(run):
    print("searching", flush=True)
    time.sleep(1000)

sessions.findings_of = search
from tidegate.cli import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_page_is_served_until_ctrl_c_whatever_is_computed(run_folder: Path, tmp_path: Path, number: signal.Signals):
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "look", run_folder, "the cat", "--no-open"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(PYTHONUNBUFFERED="1", TMPDIR=str(tmp_path)),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        with urllib.request.urlopen(found[0] + "api/text", timeout=60) as answer:
            assert json.load(answer)["text"] == "the cat"
        assert [it for it in tmp_path.iterdir() if it.name.startswith("tidegate-look-")]
        with socket.create_connection(("127.0.0.1", int(found[0].split(":")[-1].strip("/")))) as browser:
            browser.sendall(b"GET /api/found HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert process.stdout.readline() == "searching\n"
            before = time.monotonic()
            process.send_signal(number)
            _, error = process.communicate(timeout=60)
            seconds = time.monotonic() - before
    finally:
        process.kill()
    assert seconds < 5  # about 0.8 on a quiet machine; tests may run beside other work
    assert (process.returncode, error) == (0, "\nEnding ...\n")
    assert not [it for it in tmp_path.iterdir() if it.name.startswith("tidegate-look-")]


def test_a_browser_that_does_not_return_does_not_keep_the_page_from_being_served(run_folder: Path, tmp_path: Path):
    (tmp_path / "browser.py").write_text(
        "import sys, urllib.request\n"
        "urllib.request.urlopen(sys.argv[1] + 'api/about', timeout=60)\n"
        "print('was served')\n"
    )
    process = subprocess.Popen(
        command("look", run_folder, "the cat"), stdout=subprocess.PIPE, text=True,
        env=environment(BROWSER=f"{sys.executable} {tmp_path / 'browser.py'} %s", PYTHONUNBUFFERED="1"),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert "is open to view" in process.stdout.readline()
        assert process.stdout.readline() == "was served\n"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_report_is_one_file(cli: Callable[..., Result], run_folder: Path, tmp_path: Path):
    result = cli("look", run_folder, "the cat sat on the mat. " * 8, "--out", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    assert "works offline" in result.output
    assert [it.name for it in tmp_path.iterdir()] == ["report.html"]
    assert "the cat sat" in (tmp_path / "report.html").read_text()


def test_a_file_is_read_as_training_does(
    cli: Callable[..., Result], run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "cat.txt").write_text("the cat sat on the mat. " * 8)
    result = cli("look", run_folder, "--file", tmp_path / "cat.txt", "--out", tmp_path / "report.html")
    assert result.exit_code == 0, result.output
    (tmp_path / "dos.txt").write_bytes(b"\xef\xbb\xbfthe cat\r\nsat\r\n")
    run = load_run(run_folder)
    assert _passage(run, None, tmp_path / "dos.txt", live=False).text == "the cat\nsat\n"
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO((tmp_path / "dos.txt").read_bytes())))
    assert _passage(run, None, Path("-"), live=False).text == "the cat\nsat\n"
    (tmp_path / "cat.txt").write_bytes(b"the \xff cat")
    result = cli("look", run_folder, "--file", tmp_path / "cat.txt", "--out", tmp_path / "other.html")
    assert (result.exit_code, "byte 4" in result.output) == (2, True)
    assert not (tmp_path / "other.html").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere"),
        (["RUN", ""], "nothing to read"),
        (["RUN", "字"], "not in the vocabulary"),
        (["RUN", "x", "--file", "y"], "not both"),
        (["RUN", "--file", "nowhere.txt"], "nowhere.txt"),
        (["RUN", "the cat", *["--compare", "RUN"] * 4, "--out", "x.html"], "5 runs were given"),
        (["RUN", "the cat", "--out", "nowhere/file.txt/x.html"], "nowhere"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    cli: Callable[..., Result], run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nowhere").write_text("a file where a folder should be")
    result = cli("look", *(run_folder if it == "RUN" else it for it in arguments), "--no-open")
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_port_in_use_is_told(cli: Callable[..., Result], run_folder: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = cli("look", run_folder, "the cat", "--no-open", "--port", taken.getsockname()[1])
    assert (result.exit_code, "choose another with --port" in result.output) == (2, True)


def test_runs_whose_vocabularies_differ_are_refused_at_once(
    cli: Callable[..., Result], run_folder: Path, hangul_run: Path, tmp_path: Path
):
    arguments = ("look", run_folder, "the cat", "--compare", hangul_run, "--out", tmp_path / "x.html")
    result = cli(*arguments)
    assert result.exit_code == 2
    assert f"{run_folder} and {hangul_run} did not read the same text: at character 0" in result.output
    assert "TEXT or --file" in result.output
    result = cli("look", hangul_run, "나는", "--compare", run_folder, "--out", tmp_path / "x.html")
    assert result.exit_code == 2
    assert f"{run_folder} cannot be compared with {hangul_run}: 2 of the text's 2 characters" in result.output
    assert not list(tmp_path.iterdir())
