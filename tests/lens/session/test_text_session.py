"""Sessions with language models: texts, cached traces, and findings without the page."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.lens.hostile_run import HOSTILE

from tidegate.errors import ArgumentError
from tidegate.lens import read
from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import ablate
from tidegate.lens.session.text_session import CACHED, IN_MEMORY, TextSession, measured_half
from tidegate.train import Run


def test_old_texts_are_read_again_and_long_traces_are_on_disk(run: Run, monkeypatch: pytest.MonkeyPatch):
    with TextSession([run], "x") as session:
        for n in range(CACHED + 3):
            session.add("x" * (n + 1))
        assert len(session._readings) == CACHED
        assert session.text(CACHED + 3) == "x" * (CACHED + 3)
        assert len(session.reading(0)) == 1
        monkeypatch.setattr("tidegate.lens.session.text_session.IN_MEMORY", 100)
        number = session.add(HOSTILE)
        values = session.reading(number).trace[1, 0]["c"]
        assert isinstance(values, np.memmap)
        in_memory = read(run.model, run.tokenizer, HOSTILE, dtype=np.float16).trace[1, 0]["c"]
        np.testing.assert_array_equal(values, in_memory)
        folder = session._folder.name
    assert IN_MEMORY > 100
    assert not Path(folder).exists()


def test_a_dropped_trace_is_deleted_but_stays_readable(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tidegate.lens.session.text_session.IN_MEMORY", 10)
    with TextSession([run], HOSTILE) as session:
        values = session.reading().trace[1, 0]["c"]
        assert isinstance(values, np.memmap)
        path = Path(str(values.filename))
        expected = np.array(values)
        for n in range(CACHED):
            session.add("x" * (n + 1))
        assert not path.exists()
        again = session.reading().trace[1, 0]["c"]
        assert isinstance(again, np.memmap)
        assert Path(str(again.filename)) != path
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(again, expected)
        assert len(list(Path(session._folder.name).iterdir())) == CACHED


def test_old_texts_are_dropped_but_not_the_first(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tidegate.lens.session.text_session.MAX_TEXTS", 3)
    with TextSession([run], "x") as session:
        assert [session.add("x" * n) for n in range(2, 7)] == [1, 2, 3, 4, 5]
        assert sorted(session._texts) == [0, 3, 4, 5]
        with pytest.raises(ArgumentError, match=r"no text 2 any longer: give it again"):
            session.text(2)
        with pytest.raises(ArgumentError, match=r"no text 6\.$"):
            session.text(6)


def test_more_than_four_runs_raise(run: Run):
    with pytest.raises(ArgumentError, match="5 runs were given: one to 4"):
        TextSession([run] * 5, "x")


def test_findings_and_effects_are_cached(run: Run):
    with TextSession([run], HOSTILE) as session:
        found = session.find_cells()
        assert session.find_cells() is found
        cut = (ablate(1, "c", 4),)
        made = session.effect(cut)
        assert session.effect(cut) is made
    expected = effect(run.model, run.tokenizer, measured_half(run), cut)
    np.testing.assert_array_equal(made.log_p_after, expected.log_p_after)


def test_the_terminal_demo_finds_cells_without_the_page_and_writes_a_report_without_a_server(run: Run, tmp_path: Path):
    """Finding cells imports nothing of ``serve``, and the report no web package."""
    code = f"""
import sys
from pathlib import Path
from tidegate.cli.display.story_text import story_text
from tidegate.lens.highlights import highlights
from tidegate.lens.session.text_session import TextSession
from tidegate.train import load_run
import tidegate.cli.verbs.demo

run = load_run(Path({str(run.folder)!r}))
with TextSession([run], "def f(a):") as session:
    assert story_text(highlights(session))
    assert not [it for it in sys.modules if it.startswith("tidegate.serve")]
    from tidegate.serve.report import write_report
    write_report(session, Path({str(tmp_path / "report.html")!r}))
print(*sorted({{it.split(".")[0] for it in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"fastapi", "starlette", "uvicorn"} & set(done.stdout.split())
    assert (tmp_path / "report.html").stat().st_size > 100_000


def test_a_run_a_session_and_a_reading_are_shown_in_short(run: Run):
    assert repr(run).startswith(f"Run({str(run.folder)!r}, task='lm', model=LanguageModelConfig(")
    assert len(repr(run)) < 400
    assert len(repr(run.tokenizer)) < 200
    assert len(repr(run.config)) < 800
    with TextSession([run], "a text") as session:
        assert repr(session) == f"TextSession({run!r})"
        assert len(repr(session.reading(0))) < 800
