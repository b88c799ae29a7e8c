"""A task of one's own on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tests.lens.tasks.tiny import tiny_run
from tests.serve.conftest import Visit
from tests.serve.tasks.task_runs import IMAGE, SHARES, SIZES, no_markup

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import ExampleLook, Look
from tidegate.lens.tasks.classifier import look_at_class
from tidegate.serve.report import write_report
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.train import Run
from tidegate.train.registry import register_task


class OwnTask(ClassifyTask):
    name = "own_on_the_page"
    look = "tests.serve.tasks.test_screen_own_task:own_look"


register_task(cast(Any, OwnTask))


def own_look(run: Run) -> ExampleLook:
    def compute(task: ClassifyTask, model: Any, example: Any) -> Look:
        return Look(task.name, look_at_class(task, model, example).steps, {"own": IMAGE}, None, None)

    return ExampleLook(compute, title="Mine", text_field="text")


def test_a_task_of_ones_own_has_a_page(
    tmp_path: Path, serve: Callable[[Any], str], visit: Callable[..., Visit]
) -> None:
    (tmp_path / "a.txt").write_text("__label__x so good\n__label__y so bad\n" * 4)
    _, run = tiny_run(OwnTask, [tmp_path / "a.txt"], ClassifyConfig(**SIZES, level="words"), shares=SHARES)
    (run.folder / "metrics.jsonl").write_text("")
    with ExampleSession(run) as session:
        page = visit(serve(session)).open("steps")
        assert page.inner_text("[role=tab][aria-selected=true]") == "Mine"
        assert page.inner_text(".verdict strong") == f'{{"own": "{IMAGE}"}}'
        assert page.locator(".heat").count() == 2  # one for each direction
        no_markup(page)
        write_report(session, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("steps")
    assert page.inner_text(".verdict strong") == f'{{"own": "{IMAGE}"}}'
