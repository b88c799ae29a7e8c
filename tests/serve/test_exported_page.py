"""The page that `tidegate build --target wasm` writes goes on with a text in a browser."""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import MissingDependencyError
from tidegate.export.c.model_folder import Options, write_folder
from tidegate.train import Run


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that does not say what it is asked for."""

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def page_address(run: Run, tmp_path: Path) -> Iterator[str]:
    try:
        write_folder(run, tmp_path / "web", Options(target="wasm"))
    except MissingDependencyError as error:
        pytest.skip(str(error))
    handler = functools.partial(Quiet, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/example.html"
        server.shutdown()
        thread.join()


@pytest.mark.slow
def test_the_page_writes_text(page_address: str, run: Run, visit: Callable[..., Any]) -> None:
    prompt = run.tokenizer.decode(run.open_data().validation[:5])
    for options in ({}, {"viewport": {"width": 390, "height": 700}, "color_scheme": "dark"}):
        page = visit(page_address, **options).page
        page.goto(page_address)
        page.get_by_text("Ready.").wait_for()
        page.get_by_label("Text to continue").fill(prompt)
        page.get_by_label("Temperature").fill("0")
        page.get_by_role("button", name="Write").click()
        page.get_by_text("600 tokens in").wait_for()
        written = page.locator("#text").text_content()
        assert written.startswith(prompt)
        assert len(written) == len(prompt) + 600
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
