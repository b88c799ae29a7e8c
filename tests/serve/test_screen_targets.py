"""The forecast screen of several targets: one is chosen, and its own values are shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lens.tasks.tiny import tiny_run
from tests.serve.conftest import Visit

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import ForecasterLook
from tidegate.serve.report import write_report
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.task import ForecastTask


def test_a_target_is_chosen(visit: Callable[..., Visit], tmp_path: Path) -> None:
    steps = np.arange(60)
    lines = (f"{10 + np.sin(t / 3):.4f},{-500 + t % 7}\n" for t in steps)
    (tmp_path / "a.csv").write_text("a,<b>\n" + "".join(lines))
    config = ForecastConfig(cell="rnn_tanh", hidden_size=3, horizon=4, window=12, paths=5, target="a,<b>")
    run = tiny_run(ForecastTask, [tmp_path / "a.csv"], config, shares=(0.6, 0.4, 0.0))[1]
    (run.folder / "metrics.jsonl").write_text("")
    with ExampleSession(run) as session:
        look: Any = session.look(0)
        write_report(session, tmp_path / "report.html")
    assert isinstance(look, ForecasterLook)
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("steps", text=0)
    for name in ("<b>", "a"):
        page.select_option("label:has-text('Target') select", label=name)
        rows = page.locator(".scrolled tbody tr")
        assert rows.count() == 4
        median = [float(rows.nth(n).locator("th, td").all_text_contents()[3]) for n in range(4)]  # the table is folded
        assert median == pytest.approx(look.of(name).ahead[:, 2].tolist(), rel=1e-4)
        assert page.locator(f'.plot[aria-label^="Forecast of {name}:"]').count() == 1
