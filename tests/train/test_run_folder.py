"""The run folder: complete, and suspicious of its own files."""

import json
import time
from html import escape
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tests.train.small_runs import corpus_in, train_in

from tidegate.errors import RunFolderError, TidegateError
from tidegate.io.tensor_files import digest
from tidegate.train import claim_folder, holds_run, load_run, read_config, resume
from tidegate.train.registry import task_named

FILES = (
    "config.json",
    "corpus.json",
    "corpus.npy",
    "vocabulary.json",
    "model.safetensors",
    "training_state.safetensors",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    train_in(folder, model={"num_layers": 2, "embedding_size": 5})
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for path in finished.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def edit(path: Path, where: list[str], value: object) -> None:
    record = json.loads(path.read_text())
    inner = record
    for name in where[:-1]:
        inner = inner[name]
    inner[where[-1]] = value
    path.write_text(json.dumps(record))


def rewrite(path: Path, change) -> None:
    """A forger's edit of a tensor file: contents changed, digest put right again."""
    with safe_open(path, "pt") as file:
        record = json.loads(file.metadata()["tidegate"])
    tensors = load_file(path)
    record.pop("digest")
    tensors, record = change(tensors, record)
    save_file(tensors, path, {"tidegate": json.dumps(record | {"digest": digest(tensors, record)})})


def test_a_run_has_the_promised_files_and_no_others(finished):
    assert sorted(path.name for path in finished.iterdir()) == sorted([*FILES, "metrics.jsonl"])


def test_load_run_gives_the_model_that_was_trained(run):
    loaded = load_run(run)
    tensors = load_file(run / "model.safetensors")
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(parameter, tensors[name])
    assert not loaded.model.training
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("the sea")) == "the sea"
    assert loaded.open_data().digest == loaded.config.data_digest
    assert loaded.config.train.steps == 30


def test_a_notebook_shows_a_run_as_a_table(run):
    shown = load_run(run)._repr_html_()
    for text in ("validation loss", "step of the checkpoint", "hidden size", escape(str(run))):
        assert text in shown
    assert shown.count("<tr>") < 60
    assert len(shown) < 12_000


def test_loading_leaves_the_callers_random_numbers_alone(run):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    load_run(run)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "foreign", "folder"])
def test_every_file_missing_truncated_or_foreign_is_named(run, name, damage):
    path = run / name
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "foreign": b"\x80\x05]\x94."}[damage])
    readers = (
        [load_run]
        if name == "model.safetensors"
        else [resume]
        if name.startswith(("corpus", "tr"))
        else [load_run, resume]
    )
    for read in readers:
        with pytest.raises(RunFolderError) as caught:
            read(run)
        assert str(run) in str(caught.value)
        assert path.stem in str(caught.value)


def test_a_damaged_model_is_made_again_from_the_checkpoint(run):
    whole = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").write_bytes(whole[:100])
    resume(run)
    assert (run / "model.safetensors").read_bytes() == whole


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (["format"], "pickle", "should say 'format'"),
        (["version"], 99, "should say 'version'"),
        (["task"], "mine bitcoin", "mine bitcoin"),
        (["model", "hidden_size"], "8", "'model.hidden_size' should be int"),
        (["model", "hidden_size"], 9, "recurrent.weight_ih_l0"),
        (["model", "hidden_size"], 10**12, "cannot belong to the model"),
        (["model", "num_layers"], 10**9, "1000000000 layers are claimed"),
        (["model", "num_layers"], 3, "is missing"),
        (["model", "num_layers"], 1, "does not belong"),
        (["model", "vocabulary_size"], 10**12, "not of the same run"),
        (["model", "embedding_size"], 10**12, "embedding.weight"),
        (["model", "embedding_size"], None, "embedding.weight"),
        (["model", "cell"], "../../etc/passwd", "No cell is called"),
        (["model", "cell"], "gru", "recurrent.bias_hh_l0"),
        (["model", "dropout"], 2.0, "dropout is 2.0"),
        (["train", "batch_size"], 0, "batch_size is 0"),
        (["baselines"], {"uniform": "low"}, "'baselines'"),
        (["notes"], [1], "'notes'"),
        (["unit"], 5, "'unit'"),
        (["data_digest"], None, "'data_digest'"),
    ],
)
def test_a_tampered_config_is_refused_at_once(run, where, value, message):
    edit(run / "config.json", where, value)
    began = time.monotonic()
    with pytest.raises(RunFolderError) as caught:
        load_run(run)
    assert message in str(caught.value)
    with pytest.raises(TidegateError):
        resume(run, steps=40)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("where", "value"),
    [(["train", "learning_rate"], 1.0), (["train", "seed"], 8), (["model", "dropout"], 0.5), (["split_kind"], "none")],
)
def test_settings_changed_behind_its_back_do_not_resume(run, where, value):
    edit(run / "config.json", where, value)
    with pytest.raises(RunFolderError, match="belongs to other settings"):
        resume(run, steps=40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, r: (t, r | {"counters": r["counters"] | {"step": -1}}), "out of range"),
        (lambda t, r: (t, r | {"counters": r["counters"] | {"step": "1"}}), "'counters.step' should be int"),
        (lambda t, r: (t, r | {"counters": r["counters"] | {"best": float("nan")}}), "'counters.best' should be"),
        (lambda t, r: (t, r | {"counters": []}), "'counters' should be an object"),
        (lambda t, r: (t, r | {"version": 1}), "version 1"),
        (lambda t, r: (t, r | {"data": "0" * 64}), "belongs to other data"),
        (lambda t, r: (t, r | {"world": 2}), "written by 2 processes, but 1"),
        (lambda t, r: ({n: x for n, x in t.items() if n != "carried.h"}, r), "'carried.h' is missing"),
        (lambda t, r: (t | {"carried.h": torch.zeros(1, 2, 5, 8)}, r), "'carried.h' should be"),
        (lambda t, r: (t | {"model.output.bias": t["model.output.bias"].double()}, r), "'output.bias' should be"),
        (lambda t, r: (t | {"optimizer.output.bias.exp_avg": torch.zeros(1)}, r), "exp_avg' should be"),
        (lambda t, r: (t | {"extra": torch.zeros(1)}, r), "'extra' does not belong"),
        (lambda t, r: ({n: x for n, x in t.items() if not n.startswith("best.")}, r), "'best.* is missing"),
    ],
)
def test_a_forged_checkpoint_is_refused(run, change, message):
    path = run / "training_state.safetensors"
    rewrite(path, change)
    with pytest.raises(RunFolderError, match=message) as caught:
        resume(run, steps=40)
    assert "training_state.safetensors" in str(caught.value)


def test_a_model_of_another_run_is_refused(run, tmp_path):
    train_in(tmp_path / "other", model={"hidden_size": 9}, steps=2)
    (run / "model.safetensors").write_bytes((tmp_path / "other/model.safetensors").read_bytes())
    with pytest.raises(RunFolderError, match=r"model\.safetensors"):
        load_run(run)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, r: (t, r | {"validation": "good"}), "'validation' should be of type float"),
        (lambda t, r: (t, r | {"step": None}), "'step' should be of type int"),
        (lambda t, r: (t, r | {"format": "tidegate training state"}), "does not say it is a 'tidegate model'"),
        (lambda t, r: (t | {"output.bias": t["output.bias"][:-1]}, r), "'output.bias' should be"),
    ],
)
def test_a_forged_model_is_refused(run, change, message):
    rewrite(run / "model.safetensors", change)
    with pytest.raises(RunFolderError, match=message):
        load_run(run)


def test_a_vocabulary_of_another_run_is_refused(run, tmp_path):
    (tmp_path / "text.txt").write_text("few " * 200)
    corpus_in(tmp_path / "other")
    (run / "vocabulary.json").write_bytes((tmp_path / "other/vocabulary.json").read_bytes())
    with pytest.raises(RunFolderError, match="not of the same run"):
        load_run(run)


def test_claiming_refuses_replaces_and_leaves_strangers_alone(run):
    (run / "notes.txt").write_text("mine")
    (run / "model.safetensors.partial").write_text("left by a crash")
    with pytest.raises(RunFolderError, match="already holds a run"):
        claim_folder(run)
    assert holds_run(run)
    assert claim_folder(run, overwrite=True) == run
    assert [path.name for path in run.iterdir()] == ["notes.txt"]
    assert not holds_run(run)
    with pytest.raises(RunFolderError, match="is a file"):
        claim_folder(run / "notes.txt")


def test_overwriting_removes_a_file_that_two_patterns_match(run, monkeypatch):
    monkeypatch.setattr(task_named("lm"), "files", ("corpus*", "vocabulary.json"))
    (run / "corpus.npy.partial").write_text("left by a crash")
    claim_folder(run, overwrite=True)
    assert not list(run.iterdir())


def test_a_folder_without_a_run_says_so(tmp_path):
    for act in (read_config, load_run, resume):
        with pytest.raises(RunFolderError, match="holds no run"):
            act(tmp_path)
        with pytest.raises(RunFolderError, match="nowhere does not exist"):
            act(tmp_path / "nowhere")
