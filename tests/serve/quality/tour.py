"""One browser tab that goes through screens of the page, which takes less time than a tab for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.serve.conftest import Visit

CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")


class Tour(Visit):
    """A tab that is kept open.

    Args:
        page: Playwright's page.
        address: of the page or report.
    """

    def __init__(self, page: Any, address: str) -> None:
        super().__init__(page, address)
        self.waiting = 0
        self.names: list[str] = []
        page.on("request", lambda request: self._count(1))
        page.on("requestfinished", lambda request: self._count(-1))
        page.on("requestfailed", lambda request: self._count(-1))
        page.add_init_script(CHECKS)

    def _count(self, change: int) -> None:
        self.waiting += change

    def screens(self) -> Iterator[tuple[str, Any]]:
        """Go through all screens; each with the page, once it asks for nothing more."""
        if not self.names:
            self.page.goto(self.address)
            self.page.wait_for_selector("main[data-ready]")
            self.names = self.page.evaluate("[...document.querySelectorAll('[role=tab]')].map((it) => it.id.slice(4))")
        for name in self.names:
            self.open(name)
            self.settle()
            yield name, self.page

    def settle(self) -> None:
        """Wait until nothing is asked for and all is painted."""
        while True:
            while self.waiting:
                self.page.wait_for_timeout(10)
            self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            if not self.waiting:
                return
