"""Runs that are sent to a repository of the hub: what is there then, the model card, and what is refused."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import lxml.html
import pytest
import torch
import yaml
from markdown_it import MarkdownIt
from tests.hub.local_hub import LocalHub
from typer.testing import CliRunner, Result

from tidegate.cells import lstm
from tidegate.errors import ArgumentError, HubError, RunFolderError
from tidegate.export.hub.model_card import measure, model_card
from tidegate.export.hub.push_run import prepare_repository, push
from tidegate.export.hub.training_command import training_command
from tidegate.hub.hub_reference import HubReference
from tidegate.train import load_run

Cli = Callable[..., Result]
RENDERED = MarkdownIt("commonmark", {"html": True}).enable("table")


@pytest.fixture
def cli() -> Cli:
    from tidegate.cli.app import app

    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def deployed(run: Path, to: Path) -> Path:
    """A run copied without its data and its checkpoint, with other settings where it is changed."""
    to.mkdir()
    for name in ("config.json", "model.safetensors", "vocabulary.json", "metrics.jsonl"):
        (to / name).write_bytes((run / name).read_bytes())
    return to


def head_of(card: str) -> dict[str, object]:
    return yaml.safe_load(card.split("---\n")[1])


def test_a_run_that_is_sent_is_the_run_that_is_opened(hub: LocalHub, small_run: Path) -> None:
    run = load_run(small_run)
    sent = push(run, "me/tide", license="apache-2.0", private=True)
    assert sent.address == f"{hub.address}/me/tide"
    repository = hub.repositories["me/tide"]
    assert repository.private
    assert repository.messages == ["initial commit", f"lm, step {run.step}"]
    files = repository.commits[sent.commit]
    assert {*files} == {
        ".gitattributes",
        "README.md",
        "config.json",
        "model.safetensors",
        "vocabulary.json",
        "metrics.jsonl",
    }
    for name in {*files} - {"README.md", ".gitattributes"}:
        assert files[name] == (small_run / name).read_bytes(), name
    there = load_run("hub:me/tide")
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, there.model.state_dict()[name])


@pytest.mark.slow
def test_a_whole_run_has_what_continues_it_and_a_later_one_without_removes_that(hub: LocalHub, small_run: Path) -> None:
    run = load_run(small_run)
    hub.add("me/tide", {"notes.txt": b"of its owner", "config.json": b"{}"})
    push(run, "me/tide", license="mit", whole=True, message="all of it")
    repository = hub.repositories["me/tide"]
    whole = repository.commits[repository.branches["main"]]
    assert {"corpus.npy", "corpus.json", "training_state.safetensors", "notes.txt"} <= {*whole}
    assert repository.messages[-1] == "all of it"
    assert load_run("hub:me/tide").open_data().digest == run.open_data().digest
    sent = push(run, "me/tide", license="mit")
    assert {*sent.removed} == {"corpus.npy", "corpus.json", "training_state.safetensors"}
    left = repository.commits[repository.branches["main"]]
    assert "notes.txt" in left
    assert "training_state.safetensors" not in left


@pytest.mark.slow
def test_a_branch_is_made_and_the_main_one_is_left(hub: LocalHub, small_run: Path) -> None:
    before = hub.add("me/tide", {"notes.txt": b"x"})
    push(load_run(small_run), "me/tide", license="mit", revision="v2")
    repository = hub.repositories["me/tide"]
    assert repository.branches["main"] == before
    assert load_run("hub:me/tide@v2").step > 0
    assert b"hub:me/tide@v2" in repository.commits[repository.branches["v2"]]["README.md"]


@pytest.mark.slow
def test_what_may_not_be_written_is_refused(
    hub: LocalHub, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(small_run)
    with pytest.raises(HubError, match=r"hub:other/tide: the hub forbids it .*rights to create a model"):
        push(run, "other/tide", license="mit")
    hub.add("other/there", {})
    with pytest.raises(HubError, match=r"the hub forbids it .*pass a token with write access"):
        push(run, "other/there", license="mit")
    hub.add("me/public", {})
    with pytest.raises(HubError, match="exists and is public"):
        push(run, "me/public", license="mit", private=True)
    with pytest.raises(ArgumentError, match=r"A licence is needed.*apache-2.0, mit"):
        push(run, "me/tide", license="")
    with pytest.raises(ArgumentError, match="no identifier of the hub"):
        push(run, "me/tide", license="My own: see below")
    with pytest.raises(ArgumentError, match="'tide' is no repository of the hub: write OWNER/NAME"):
        push(run, "tide", license="mit")
    model_only = load_run(deployed(small_run, tmp_path / "deployed"))
    with pytest.raises(RunFolderError, match="without its data or its last checkpoint"):
        push(model_only, "me/tide", license="mit", whole=True)
    push(run, "me/tide", license="mit")
    with pytest.raises(RunFolderError, match="hub:me/tide is on the hub already"):
        push(load_run("hub:me/tide"), "me/again", license="mit")
    hub.down = True
    with pytest.raises(HubError, match="hub:me/later: the connection to the hub failed"):
        push(run, "me/later", license="mit")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(HubError, match="hub:me/tide cannot be written without a token: log in with hf auth login"):
        push(run, "me/tide", license="mit")


def test_the_card_says_what_the_run_is(small_run: Path) -> None:
    run = load_run(small_run)
    measured = measure(run)
    assert isinstance(measured, dict)
    card = model_card(run, HubReference("me/tide"), "mit", measured)
    head = head_of(card)
    assert head["license"] == "mit"
    assert head["library_name"] == "tidegate"
    assert head["pipeline_tag"] == "text-generation"
    assert {"lstm", "lm"} <= {*head["tags"]}  # type: ignore[misc]
    (index,) = head["model-index"]  # type: ignore[misc]
    (metric,) = index["results"][0]["metrics"]
    assert metric == {"type": "loss", "name": "nats per character", "value": round(measured["loss"], 6)}
    assert lstm.latex() in card
    assert run.config.data_digest in card
    for name, value in measured["baselines"].items():
        assert f"| {name} | {value:.4g} |" in card
    assert f"| **this model** | {measured['loss']:.4g} |" in card
    assert f"| **this model** | {run.validation:.4g} |" in card
    for line in run.config.notes:
        assert f"- {line}" in card
    assert "tidegate look hub:me/tide\n" in card


def test_the_hubs_own_reader_reads_the_card(small_run: Path) -> None:
    cards = pytest.importorskip("huggingface_hub")
    card = prepare_repository(load_run(small_run), "me/tide", license="mit").card
    data = cards.ModelCard(card).data
    assert (data.license, data.library_name, data.model_name) == ("mit", "tidegate", "tide")
    assert [it.metric_name for it in data.eval_results] == ["nats per character"]


def test_a_data_set_of_the_hub_is_named_in_the_head(small_run: Path, tmp_path: Path) -> None:
    folder = deployed(small_run, tmp_path / "deployed")
    config = json.loads((folder / "config.json").read_text()) | {"data_options": {"data": ["hub:an-owner/texts"]}}
    (folder / "config.json").write_text(json.dumps(config))
    card = prepare_repository(load_run(folder), "me/tide", license="mit").card
    assert head_of(card)["datasets"] == ["an-owner/texts"]
    assert "tidegate train lm hub:an-owner/texts " in card


def test_a_card_without_data_says_so(small_run: Path, tmp_path: Path) -> None:
    run = load_run(deployed(small_run, tmp_path / "deployed"))
    card = prepare_repository(run, "me/tide", license="mit").card
    assert "Not measured on other data: the run was copied without its data" in card
    assert f"| **this model** | {run.validation:.4g} |" in card
    assert "model-index" not in head_of(card)


def test_names_in_a_run_are_text_in_its_card(small_run: Path, tmp_path: Path) -> None:
    folder = deployed(small_run, tmp_path / "deployed")
    config = json.loads((folder / "config.json").read_text())
    nasty = "<img src=x onerror=alert(1)> [a](javascript:b) | `c`\n---\n# d"
    config["notes"] = [nasty]
    config["split_kind"] = config["unit"] = nasty
    config["baselines"] = {nasty: 1.0}
    config["data_options"] = {"data": [f"/home/me/{nasty}.txt", "$(rm -rf ~)", "--overwrite"]}
    (folder / "config.json").write_text(json.dumps(config))
    card = prepare_repository(load_run(folder), "me/tide", license="mit").card
    body = card.split("---\n", 2)[2]
    page = lxml.html.fromstring(f"<div>{RENDERED.render(body)}</div>")
    assert not [it.tag for it in page.iter("img", "a", "script")]
    assert [it.text for it in page.iter("h1")] == ["tide"]
    assert " ".join(nasty.split()) in " ".join(page.text_content().split())
    assert "/home/me" not in card
    command = body.split("```sh\n")[1].split("\n```")[0]
    assert {"$(rm -rf ~)", "./--overwrite"} <= {*shlex.split(command)}
    assert set(head_of(card)) == {"license", "library_name", "tags", "pipeline_tag"}


@pytest.mark.slow
def test_the_command_line_sends_a_run(
    hub: LocalHub, small_run: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = cli("push", small_run, "me/tide")
    assert result.exit_code == 2
    assert "A licence is needed" in result.stderr
    result = cli("push", small_run, "me/tide", "--license", "mit", "--dry-run")
    assert result.exit_code == 0, result.output
    assert not hub.requests, "a dry run asks nobody"
    assert "model.safetensors" in result.stdout
    assert "# tide\n" in result.stdout
    result = cli("push", small_run, "me/tide", "--license", "mit", "--private")
    assert result.exit_code == 0, result.output
    assert "5 files (" in result.stderr
    assert hub.repositories["me/tide"].private
    assert cli("evaluate", "hub:me/tide").exit_code == 2  # there are no data
    result = cli("generate", "hub:me/tide", "--length", 5, "--seed", 1)
    assert result.exit_code == 0, result.output
    assert "hub:me/tide does not hold the training text" in result.stderr
    result = cli("runs", "hub:me/tide", "--json")
    assert json.loads(result.stdout)["task"] == "lm"
    result = cli("runs", small_run, "hub:me/tide")
    assert "hub:me/tide@" in result.stdout.replace("\n", "")
    assert "validation loss" in result.stdout, "they are compared"
    assert cli("runs", "hub:me/tide", "--settings").stdout.startswith("# of hub:me/tide@")
    result = cli("train", "lm", "--resume", "hub:me/tide", "--steps", 50)
    assert (result.exit_code, "copy it to a folder first" in result.stderr) == (2, True)
    monkeypatch.setenv("HF_TOKEN", "reader")
    result = cli("push", small_run, "me/tide", "--license", "mit")
    assert (result.exit_code, "the hub forbids it" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "options",
    [
        "--hidden-size 12 --layers 2 --steps 3 --dropout 0.1 --warmup-steps 2 --batch-size 4 --k1 16",
        "--tokenizer bytes --optimizer sgd --steps 3 --seed 7 --splits 90/10",
        "--cell mgu --epochs 1 --feeding sampled --batch-size 4 --k1 20 --k2 40 --learning-rate 0.01",
    ],
)
@pytest.mark.slow
def test_the_command_in_the_card_trains_the_run_again(cli: Cli, tmp_path: Path, options: str) -> None:
    (tmp_path / "its own.txt").write_text("the tide comes in and the tide goes out.\n" * 60)
    first = cli("train", "lm", tmp_path / "its own.txt", "--out", tmp_path / "a", "--device", "cpu", *options.split())
    assert first.exit_code == 0, first.output
    run = load_run(tmp_path / "a")
    words = shlex.split(training_command(run.config, run.task) or "")
    assert words[:4] == ["tidegate", "train", "lm", "its own.txt"]
    again = cli("train", "lm", tmp_path / words[3], *words[4:], "--out", tmp_path / "b", "--device", "cpu")
    assert again.exit_code == 0, again.output
    assert load_run(tmp_path / "b").config.digest() == run.config.digest()
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()
