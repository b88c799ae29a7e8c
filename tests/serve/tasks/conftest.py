"""The small runs of all tasks, looked at and served to a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.serve.tasks.task_runs import RUNS, Served

from tidegate.lens.session.example_session import ExampleSession
from tidegate.serve.server import application


@pytest.fixture(scope="session")
def givens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ExampleSession]]:
    made: dict[str, ExampleSession] = {}

    def give(name: str) -> ExampleSession:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            run = RUNS[name](folder)
            (run.folder / "metrics.jsonl").write_text("")  # it was not trained
            made[name] = ExampleSession(run)
        return made[name]

    yield give
    for it in made.values():
        it.close()


@pytest.fixture(scope="session")
def served(givens: Callable[[str], ExampleSession], serve: Callable[[Any], str]) -> Served:
    addresses: dict[str, str] = {}

    def start(name: str) -> tuple[ExampleSession, str]:
        if name not in addresses:
            addresses[name] = serve(givens(name))
        return givens(name), addresses[name]

    return start


@pytest.fixture
def client(givens: Callable[[str], ExampleSession]) -> Callable[[str], Any]:
    return lambda name: TestClient(application(givens(name)), base_url="http://127.0.0.1")
