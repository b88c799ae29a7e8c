"""Take pictures of the page of a run, in a headless Chromium."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tools.pictures.shots import README, SCHEMES, Shot

WIDTH, SCALE, QUALITY = 1200, 1.25, 65
PATIENCE = 600  # seconds: the first look at a run searches its hidden units
QUIET = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking")
IS_QUIET = """() =>
  !/(Loading|Searching|Computing|Measuring|Trying|Writing|Reading|Counting)[^\\n]*…/.test(document.body.innerText)
  && ![...document.querySelectorAll("progress")].some((bar) => bar.checkVisibility())"""


def take(run: Path, shots: Sequence[Shot]) -> None:
    """Take pictures of a run, and replace those of the same names.

    Raises:
        RuntimeError: there is no Chromium, or the page complains.
    """
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("TIDEGATE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise RuntimeError("There is no Chromium: install it, or set TIDEGATE_CHROMIUM.")
    with _page_of(run) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        for scheme in SCHEMES:
            context = browser.new_context(color_scheme=scheme, device_scale_factor=SCALE)
            context.set_default_timeout(PATIENCE * 1000)
            for shot in shots:
                chosen = {**_unit(run, shot.finding), **shot.chosen}
                _take(context.new_page(), address, shot, chosen, shot.files()[scheme])
        browser.close()


def _unit(run: Path, finding: str) -> dict[str, object]:
    if not finding:
        return {}
    found = json.loads((run / "findings.json").read_text(encoding="utf-8"))["found"]
    chosen = next(it for it in found if it["detector"] == finding)
    return {name: chosen[name] for name in ("layer", "name", "unit")}


def _take(page: Any, address: str, shot: Shot, chosen: dict[str, object], file: Path) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_viewport_size({"width": WIDTH, "height": shot.height})
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    page.goto(f"{address}#{shot.screen}" + (f"?{query}" if query else ""))
    page.wait_for_selector(f"main[data-ready={shot.screen}]")
    page.wait_for_function(IS_QUIET)
    page.wait_for_timeout(700)
    page.wait_for_function(IS_QUIET)  # a question may have followed upon another
    page.wait_for_timeout(300)  # charts are drawn in the next frames
    if faults:
        raise RuntimeError(f"{shot.name}: the page complains: {faults[0]}")
    png = page.screenshot()
    _write(png, file)
    if (shot.name, file) == (README[1], shot.files()["light"]):
        with Image.open(io.BytesIO(png)) as image:
            image.convert("RGB").quantize(128).save(README[0], optimize=True)
    page.close()


def _write(png: bytes, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(file, quality=QUALITY, method=6)


@contextmanager
def _page_of(run: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tidegate", "look", str(run), "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://\S+", said)
            if found is None:
                raise RuntimeError(f"tidegate look {run} does not serve a page; it says: {said!r}")
            yield found[0]
        finally:
            process.terminate()
