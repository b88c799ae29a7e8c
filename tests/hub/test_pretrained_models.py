"""Models of tasks: from a run folder or the hub, saved, and opened again."""

from pathlib import Path

import pytest
import torch
from tests.hub.local_hub import LocalHub
from tests.hub.test_fetched_runs import files_of
from torch import nn

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.tasks.classify.task import Classifier
from tidegate.text import LanguageModel, LanguageModelConfig
from tidegate.train import load_run
from tidegate.train.hub.pretrained_model import PretrainedModel
from tidegate.train.registry import BUILT_IN, task_named


def test_a_model_is_that_of_its_run(hub: LocalHub, small_run: Path) -> None:
    hub.add("me/run", files_of(small_run))
    ids = torch.tensor([[1, 2, 3, 1]])
    expected = load_run(small_run).model(ids)[0]
    for place in (small_run, "me/run", "hub:me/run"):
        model = LanguageModel.from_pretrained(place)
        assert not model.training
        assert torch.equal(model(ids)[0], expected)
    assert torch.equal(LanguageModel.from_pretrained("me/run", local_files_only=True)(ids)[0], expected)
    with pytest.raises(ArgumentError, match="is a run of lm, whose model is a LanguageModel and no Classifier"):
        Classifier.from_pretrained(small_run)
    with pytest.raises(ArgumentError, match="does not exist here, and is no OWNER/NAME"):
        LanguageModel.from_pretrained("nothing/here/at/all")


def test_a_model_that_is_saved_is_a_run(small_run: Path, tmp_path: Path) -> None:
    model = LanguageModel.from_pretrained(small_run)
    model.save_pretrained(tmp_path / "same")
    assert {it.name for it in (tmp_path / "same").iterdir()} == {"config.json", "model.safetensors", "vocabulary.json"}
    before, same = load_run(small_run), load_run(tmp_path / "same")
    assert (same.step, same.validation) == (before.step, before.validation)
    nn.init.zeros_(dict(model.named_parameters())["output.bias"])
    model.save_pretrained(tmp_path / "changed")
    changed = load_run(tmp_path / "changed")
    assert changed.validation is None, "the loss of other parameters"
    assert not changed.model.output.bias.any()
    assert before.model.output.bias.any()
    with pytest.raises(RunFolderError, match="is not empty"):
        model.save_pretrained(small_run)
    config = LanguageModelConfig(3, hidden_size=4)
    with pytest.raises(ArgumentError, match="was not loaded from a run"):
        LanguageModel(config).save_pretrained(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_models_of_all_tasks_are_made_from_their_runs() -> None:
    for name in BUILT_IN:
        module = __import__(task_named(name).__module__, fromlist=["x"])
        models = [it for it in vars(module).values() if isinstance(it, type) and issubclass(it, PretrainedModel)]
        assert models or name == "lm", name
