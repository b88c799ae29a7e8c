"""tidegate runs."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tidegate.train import checkpoint, load_run, metrics, run_config, run_folder
from tidegate.train.listing.run_list import (
    CONFIG,
    CONFIG_KIND,
    CONFIG_VERSION,
    METRICS,
    MODEL,
    STATE,
    find_runs,
    summarise,
)

Cli = Callable[..., Result]


def test_names_of_files_are_those_of_the_run_folder() -> None:
    assert (CONFIG, CONFIG_KIND, CONFIG_VERSION) == (run_config.NAME, run_config.KIND, run_config.VERSION)
    assert (MODEL, STATE, METRICS) == (run_folder.MODEL, checkpoint.NAME, metrics.NAME)


def test_a_summary_is_what_the_loaded_run_says(run_folder: Path) -> None:
    run, found = load_run(run_folder), summarise(run_folder)
    assert found.parameters == sum(it.numel() for it in run.model.parameters())
    assert (found.task, found.cell, found.layers) == ("lm", "lstm", "24")
    assert (found.loss, found.best_step, found.step) == (run.validation, run.step, 60)
    assert (found.loss_name, found.state) == (run.config.loss_name, "finished")
    assert found.baselines == run.config.baselines
    assert found.settings["train"]["sampling_probability_start"] == 1.0
    assert found.seconds is not None
    assert found.seconds > 0


def test_runs_are_listed_the_broken_one_too(cli: Cli, run_folder: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(run_folder, tmp_path / "runs" / "good")
    shutil.copytree(run_folder, tmp_path / "runs" / "seeds" / "seed-0")
    shutil.copytree(run_folder, tmp_path / "runs" / "bad")
    (tmp_path / "runs" / "seeds" / "seed-0" / STATE).unlink()
    (tmp_path / "runs" / "bad" / MODEL).write_bytes(b"no")
    monkeypatch.chdir(tmp_path)
    lines = cli("runs").output.splitlines()
    assert lines[0].split() == ["run", "task", "cell", "units", "loss", "steps", "written", "state"]
    states = {line.split()[0]: line.rstrip().split("  ")[-1].strip() for line in lines[1:4]}
    assert states == {"runs/good": "finished", "runs/seeds/seed-0": "model only", "runs/bad": "broken"}
    assert "runs/bad/model.safetensors is not a whole file of tensors" in lines[4]
    records = [json.loads(line) for line in cli("runs", "--json").output.splitlines()]
    assert {it.get("state") for it in records[:2]} == {"finished", "model only"}
    assert records[2].keys() == {"folder", "problem"}


def test_several_runs_are_compared_in_the_settings_that_differ(cli: Cli, run_folder: Path, hangul_run: Path) -> None:
    output = cli("runs", run_folder, hangul_run).output
    rows = {line[:16].strip(): line[16:].split() for line in output.splitlines()}
    assert rows["steps taken"] == ["60", "10"]
    assert rows["warmup_steps"] == ["5", "100"]
    assert "batch_size" not in rows


def test_the_metrics_as_csv_are_those_of_the_run(cli: Cli, run_folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("runs", run_folder, "--csv").output)))
    logged = [json.loads(line) for line in (run_folder / METRICS).read_text().splitlines()]
    logged = [it for it in logged if it["event"] in ("train", "validation")]
    assert [(int(it["step"]), it["event"], float(it["loss"])) for it in rows] == [
        (it["step"], it["event"], it["nats"]) for it in logged
    ]
    assert {it["run"] for it in rows} == {str(run_folder)}


def test_no_run_is_an_error(cli: Cli, tmp_path: Path, text_file: Path) -> None:
    for folder, said in ((tmp_path, "holds no run"), (tmp_path / "no", "does not exist"), (text_file, "is a file")):
        result = cli("runs", folder)
        assert result.exit_code == 2
        assert said in result.stderr


def test_a_run_holds_no_runs_of_its_own(run_folder: Path) -> None:
    assert list(find_runs(run_folder)) == [run_folder]


@pytest.mark.parametrize("value", ["NaN", '"x"', "-1.0", "1e400"])
def test_an_altered_number_is_refused(run_folder: Path, tmp_path: Path, value: str) -> None:
    from tidegate.errors import RunFolderError

    copy = Path(shutil.copytree(run_folder, tmp_path / "copy"))
    text = (copy / CONFIG).read_text()
    (copy / CONFIG).write_text(text.replace('"baselines": {', f'"baselines": {{"odd": {value},'))
    if value == "-1.0":
        assert summarise(copy).baselines["odd"] == -1
    else:
        with pytest.raises(RunFolderError):
            summarise(copy)
