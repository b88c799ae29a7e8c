"""A small run whose text is hostile, the page served to a real browser, and a report of it."""

from __future__ import annotations

import os
import shutil
import socket
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tests.lens.hostile_run import small_run

from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.train import Run

ARTEFACTS = Path(os.environ.get("TIDEGATE_ARTEFACTS", Path(__file__).parents[2] / "build" / "screenshots"))
CHROMIUM = os.environ.get("TIDEGATE_CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
# Chromium would look up its maker's hosts, and as root it does not run in its sandbox.
QUIET = ("no-sandbox", "disable-gpu", "disable-background-networking", "disable-component-update", "disable-sync")


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    return small_run(tmp_path_factory.mktemp("look") / "hostile")


@pytest.fixture(scope="session")
def session(run: Run) -> Iterator[TextSession]:
    with TextSession([run], held_out_text(run, 400)) as made:
        yield made


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium, headless."""
    if CHROMIUM is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("no Chromium on this machine: install it (Debian: apt install chromium) or set TIDEGATE_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{it}" for it in QUIET])
        yield made
        made.close()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[TextSession], str]]:
    """Serve the page in a thread of its own; the address."""
    import uvicorn

    from tidegate.serve.server import application

    running = []

    def start(session: TextSession) -> str:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # before the thread runs, so that it can be opened at once
        server = uvicorn.Server(uvicorn.Config(application(session), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        running.append((server, thread, listening))
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"

    yield start
    for server, thread, listening in running:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture(scope="session")
def address(serve: Callable[[TextSession], str], session: TextSession) -> str:
    """Where the page of the hostile run is."""
    return serve(session)


@pytest.fixture(scope="session")
def report_file(session: TextSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of the hostile run."""
    from tidegate.serve.report import write_report

    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(session, path)
    return path


def pixels(heat_map: Any) -> NDArray[np.uint8]:
    """The colours of a heat map on the page, (rows, columns, 3)."""
    png = b64decode(heat_map.locator("image").get_attribute("href").removeprefix("data:image/png;base64,"))
    return np.array(Image.open(BytesIO(png)).convert("RGB"))


def row_names(heat_map: Any) -> list[str]:
    """The names at the left of a heat map, from top to bottom."""
    return heat_map.locator(".cell-axes text[text-anchor=end]").all_text_contents()


class Visit:
    """A browser's tab: everything it says on its console, or asks of a network, is kept.

    Args:
        page: Playwright's page.
        address: of the page or report.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(str(error.stack)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _hear(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.faults.append(f"{said.text} ({said.location.get('url', '')})")

    def open(self, screen: str, **chosen: object) -> Any:
        """Open a screen; when it is there, the page."""
        query = "&".join(f"{name}={value}" for name, value in chosen.items())
        self.page.goto(f"{self.address}#{screen}" + (f"?{query}" if query else ""))
        self.page.wait_for_selector(f"main[data-ready={screen}]")
        return self.page


@pytest.fixture
def visit(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """Open tabs; at the end none of them may have complained, and a picture of each is kept."""
    opened: list[tuple[Visit, Any]] = []

    def start(address: str, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(20_000)
        visit = Visit(context.new_page(), address)
        opened.append((visit, context))
        return visit

    yield start
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    for n, (visit, context) in enumerate(opened):
        name = "".join(it if it.isalnum() else "-" for it in request.node.name).strip("-")
        visit.page.screenshot(path=ARTEFACTS / f"{name}{f'-{n}' if n else ''}.png", full_page=True)
        context.close()
    assert [visit.faults for visit, _ in opened] == [[] for _ in opened]
