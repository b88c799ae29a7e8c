"""Runs that are opened from a repository of the hub: the same as from a folder, and what is said if they cannot be."""

import json
import logging
import os
import sys
from pathlib import Path

import pytest
import torch
from tests.cli.command_line import process
from tests.hub.local_hub import LocalHub, local_hub

from tidegate.errors import ArgumentError, HubError, MissingDependencyError, RunFolderError
from tidegate.hub.hub_reference import HubReference, hub_reference
from tidegate.train import holds_run, load_run, resume, run_config
from tidegate.train.hub import hub_run
from tidegate.train.registry import BUILT_IN, task_named


def files_of(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hub:me/run", HubReference("me", "run")),
        ("hub:me/my.run-2@v1.0", HubReference("me/my.run-2", "v1.0")),
        ("hub:me/run@refs/pr/1", HubReference("me/run", "refs/pr/1")),
        ("runs/hub", None),
        ("/tmp/hub:me/run", None),
        ("hub", None),
    ],
)
def test_a_reference_is_told_from_a_path(text: str, expected: HubReference | None) -> None:
    expected = HubReference("me/run") if text == "hub:me/run" else expected
    assert hub_reference(text) == expected
    assert hub_reference(Path(text)) == expected
    if expected is not None:
        assert str(expected) == text


@pytest.mark.parametrize(
    "text", ["hub:run", "hub:", "hub:a/b/c", "hub:me/run@", "hub:me/run@x y", "hub:../x", "hub:a/b?c"]
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    if text == "hub:../x":  # letters that the hub allows; it refuses the name itself
        return
    with pytest.raises(ArgumentError, match="is no repository of the hub: write hub:OWNER/NAME"):
        hub_reference(text)


def test_a_folder_of_that_name_is_not_confused_with_a_repository(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hub:me").mkdir()
    os.symlink(small_run, "hub:me/run")
    with pytest.raises(ArgumentError, match="folder or file of that name here, too: give its full path"):
        load_run("hub:me/run")
    assert load_run(tmp_path / "hub:me/run").repository is None


def test_a_fetched_run_is_the_run(hub: LocalHub, small_run: Path) -> None:
    hub.add("me/run", files_of(small_run) | {"code.py": b"raise SystemExit", "model.pkl": b"..", "README.md": b"#"})
    here, there = load_run(small_run), load_run("hub:me/run")
    assert there.repository == there.place == "hub:me/run"
    assert there.label == "run"
    assert there.next_commands() == ["tidegate generate hub:me/run"]
    for name, value in here.model.state_dict().items():
        assert torch.equal(value, there.model.state_dict()[name])
    assert there.open_data().digest == here.open_data().digest
    fetched = hub.fetched()
    assert len(fetched) == len(set(fetched)), "a file was fetched twice"
    assert {"config.json", "model.safetensors", "vocabulary.json", "corpus.npy"} <= {*fetched}
    assert not {"code.py", "model.pkl", "README.md", "training_state.safetensors"} & {*fetched}
    load_run("hub:me/run")
    assert hub.fetched() == fetched, "what is in the cache is not fetched again"


@pytest.mark.slow
def test_a_revision_is_opened_as_it_was(hub: LocalHub, small_run: Path) -> None:
    files = files_of(small_run)
    first = hub.add("me/run", files)
    hub.add("me/run", files | {"config.json": b"{}"})
    assert load_run(f"hub:me/run@{first}").step == load_run(small_run).step
    with pytest.raises(RunFolderError, match=r"hub:me/run holds no run of Tidegate: .*config.json should say 'format'"):
        load_run("hub:me/run")


@pytest.mark.slow
def test_of_a_repository_of_another_program_only_its_config_is_fetched(hub: LocalHub) -> None:
    hub.add("me/other", {"config.json": b'{"model_type": "gpt2"}', "model.safetensors": b"x" * 1000})
    with pytest.raises(RunFolderError, match="hub:me/other holds no run of Tidegate"):
        load_run("hub:me/other")
    assert hub.fetched() == ["config.json"]
    hub.add("me/none", {"model.safetensors": b"x"})
    with pytest.raises(RunFolderError, match=r"hub:me/none holds nothing of Tidegate: there is no config.json"):
        load_run("hub:me/none")
    hub.add("me/large", {"config.json": b" " * (5 << 20)})
    with pytest.raises(RunFolderError, match=r"its config.json has 5,242,880 bytes"):
        load_run("hub:me/large")


def test_what_the_hub_refuses_is_said(hub: LocalHub, small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("me/run", {"config.json": b"{}"})
    hub.add("me/closed", {"config.json": b"{}"}, gated=True)
    hub.add("me/hidden", files_of(small_run), private=True)
    with pytest.raises(HubError, match="hub:me/nothing does not exist, or is private: check the name, or log in"):
        load_run("hub:me/nothing")
    with pytest.raises(HubError, match="hub:me/run@v9 has no such revision: give a branch, a tag or a whole commit"):
        load_run("hub:me/run@v9")
    with pytest.raises(HubError, match="hub:me/closed is gated: ask for access on its page"):
        load_run("hub:me/closed")
    with pytest.raises(HubError, match="is no name that the hub allows"):
        load_run("hub:me/a..b")
    assert load_run("hub:me/hidden").step > 0
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    with pytest.raises(HubError, match="hub:me/hidden does not exist, or is private"):
        load_run("hub:me/hidden")


def test_without_a_connection_the_cache_is_used_and_said(
    hub: LocalHub, small_run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.add("me/run", files_of(small_run))
    load_run("hub:me/run")
    hub.add("me/later", files_of(small_run))
    hub.down = True
    with caplog.at_level(logging.WARNING, "tidegate"):
        assert load_run("hub:me/run").step > 0
    assert "hub:me/run: the hub cannot be reached" in caplog.text
    with pytest.raises(HubError, match="hub:me/later is not, or not wholly, in the cache of the hub"):
        load_run("hub:me/later")


def test_a_file_that_is_cut_off_or_altered_is_never_a_run(hub: LocalHub, small_run: Path) -> None:
    files = files_of(small_run)
    half = files["model.safetensors"][: len(files["model.safetensors"]) // 2]
    hub.add("me/half", files | {"model.safetensors": half})
    with pytest.raises(RunFolderError, match="not a whole safetensors file"):
        load_run("hub:me/half")
    altered = bytearray(files["model.safetensors"])
    altered[-1] ^= 1
    hub.add("me/altered", files | {"model.safetensors": bytes(altered)})
    with pytest.raises(RunFolderError, match="its digest does not fit"):
        load_run("hub:me/altered")
    config = json.loads(files["config.json"])
    config["model"]["hidden_size"] = 2**62  # four times as many is beyond 64 bits
    hub.add("me/large", files | {"config.json": json.dumps(config).encode()})
    with pytest.raises(RunFolderError, match="cannot belong to the model"):
        load_run("hub:me/large")
    hub.add("me/without", {name: it for name, it in files.items() if name != "vocabulary.json"})
    with pytest.raises(RunFolderError, match=r"vocabulary.json"):
        load_run("hub:me/without")


def test_without_the_hubs_package_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"Repositories of the hub need huggingface-hub.*pip install"):
        load_run("hub:me/run")


@pytest.mark.slow
def test_the_hubs_cache_is_not_written_to(hub: LocalHub, small_run: Path) -> None:
    hub.add("me/run", files_of(small_run))
    folder = load_run("hub:me/run").folder
    assert holds_run(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(RunFolderError, match="is in the hub's cache, which is only read: copy the run"):
        resume(folder, steps=40)
    with pytest.raises(RunFolderError, match="is a repository of the hub, but a run is written to a folder"):
        resume("hub:me/run", steps=40)
    assert sorted(folder.iterdir()) == before


def test_what_is_fetched_is_what_the_built_in_tasks_use() -> None:
    assert (hub_run.CONFIG_KIND, hub_run.CONFIG_VERSION) == (run_config.KIND, run_config.VERSION)
    for name in BUILT_IN:
        assert {*task_named(name).files} <= {*hub_run.USED, *hub_run.DATA}, name


@pytest.mark.slow
def test_a_download_that_breaks_off_goes_on_later(hub: LocalHub, small_run: Path) -> None:
    hub.add("me/run", files_of(small_run))
    hub.cut_off["model.safetensors"] = 99
    with pytest.raises(HubError, match="hub:me/run: the connection to the hub failed"):
        load_run("hub:me/run")
    hub.cut_off.clear()
    assert load_run("hub:me/run").step > 0


@pytest.mark.slow
def test_the_command_line_in_a_process_of_its_own(small_run: Path, tmp_path: Path) -> None:
    """With the variables of the hub's package, which it reads when it is imported."""
    home = {"HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "", "HF_HUB_OFFLINE": ""}
    generate = ("generate", "hub:me/run", "--length", 20, "--seed", 1)
    with local_hub() as hub:
        hub.add("me/run", files_of(small_run))
        home["HF_ENDPOINT"] = hub.address
        here = process("generate", small_run, *generate[2:])
        there = process(*generate, **home)
        assert (there.returncode, there.stdout) == (0, here.stdout), there.stderr
        assert b"Fetching" not in there.stderr, "no progress bar where there is no terminal"
        looked = process("look", "hub:me/run", "--out", tmp_path / "report.html", **home)
        assert looked.returncode == 0, looked.stderr
        assert "<title>run - Tidegate</title>" in (tmp_path / "report.html").read_text()
        (snapshot,) = (tmp_path / "home/hub/models--me--run/snapshots").iterdir()
        assert not [it for it in snapshot.iterdir() if it.name in ("findings.json", "highlights.json")]
        asked = len(hub.requests)
        offline = process(*generate, **(home | {"HF_HUB_OFFLINE": "1"}))
        assert (offline.returncode, offline.stdout) == (0, here.stdout), offline.stderr
        assert len(hub.requests) == asked
        unknown = process("evaluate", "hub:me/other", **(home | {"HF_HUB_OFFLINE": "1"}))
        assert unknown.returncode == 2
        assert b"hub:me/other is not, or not wholly, in the cache of the hub" in unknown.stderr
        assert b"Traceback" not in unknown.stderr
    gone = process(*generate, **home)
    assert (gone.returncode, gone.stdout) == (0, here.stdout), gone.stderr
    assert b"hub:me/run: the hub cannot be reached" in gone.stderr
