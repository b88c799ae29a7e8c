"""The pages on tasks name what there is."""

import re
from pathlib import Path

from tidegate.data.samples import SAMPLES
from tidegate.train.registry import BUILT_IN

DOCS = Path(__file__).parent.parent / "docs"
TASKS = [name for name in BUILT_IN if name != "lm"]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (DOCS / "tasks").glob("*.md")}


def test_every_task_has_a_page_and_every_page_a_task() -> None:
    assert set(PAGES) == set(TASKS)
    index = (DOCS / "tasks.md").read_text(encoding="utf-8")
    assert all(f"(tasks/{name}.md)" in index for name in TASKS)


def test_options_and_samples_that_are_named_are_there() -> None:
    from tidegate.data.samples.probes import PROBLEMS
    from tidegate.tasks.base_task import example_task
    from tidegate.train import TrainConfig

    general = {
        "validation",
        "test",
        "splits",
        "split-seed",
        "vectors",
        "seeds",
        "resume",
        "out",
        "json",
        "text",
        "backtest",
    }
    general |= {name.replace("_", "-") for name in vars(TrainConfig)["__dataclass_fields__"]}
    for name, text in PAGES.items():
        fields = vars(example_task(name).Config)["__dataclass_fields__"].values()
        known = (
            general
            | {(it.metadata["flag"] or it.name).replace("_", "-") for it in fields}
            | {"cells", "lags", "problems", "markdown"}
        )
        for flag in re.findall(r"--([a-z][a-z0-9-]+)", text):
            assert flag.removeprefix("no-") in known, (name, flag)
        for sample in re.findall(r"sample:([a-z][a-z0-9-]*)", text):
            assert sample in SAMPLES or sample.rpartition("-")[0] in PROBLEMS, (name, sample)


def test_every_sample_is_in_the_documentation() -> None:
    everything = "".join(PAGES.values())
    assert all(f"sample:{name}" in everything or name == "digits" for name in SAMPLES)
