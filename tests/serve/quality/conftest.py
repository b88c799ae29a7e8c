"""The sessions whose screens are checked: two language models side by side, and a run of every other task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lens.hostile_run import small_run
from tests.serve.quality.tour import Tour
from tests.serve.tasks.task_runs import RUNS

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.train import Run

ROOT = Path(__file__).parents[3]
AXE = ROOT / "tools" / "page" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, which `make check` installs."""
    if not AXE.is_file():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("axe-core is not installed: make check-page installs it with npm")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def addresses(
    run: Run, serve: Callable[[Any], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Where the page of each task's run is, by the task's name; "lm" has two runs."""
    folder = tmp_path_factory.mktemp("quality")
    opened: dict[str, tuple[Any, str]] = {}

    def start(name: str) -> str:
        if name not in opened:
            (folder / name).mkdir()
            if name == "lm":
                other = small_run(folder / name / "another", hidden_size=5, cell="gru")
                session: Any = TextSession([run, other], held_out_text(run, 400))
            else:
                made = RUNS[name](folder / name)
                (made.folder / "metrics.jsonl").write_text("")  # it was not trained
                session = ExampleSession(made)
            opened[name] = (session, serve(session))
        return opened[name][1]

    yield start
    for session, _ in opened.values():
        session.close()


@pytest.fixture(scope="module")
def tour(browser: Any, addresses: Callable[[str], str]) -> Iterator[Callable[[str], Tour]]:
    """A tab for each task, open until the last test of a file; none may have complained."""
    opened: dict[str, Tour] = {}

    def start(name: str) -> Tour:
        if name not in opened:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
            context.set_default_timeout(20_000)
            opened[name] = Tour(context.new_page(), addresses(name))
        return opened[name]

    yield start
    for it in opened.values():
        it.page.context.close()
    assert [fault for it in opened.values() for fault in it.faults] == []
