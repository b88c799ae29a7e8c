"""A hub on this machine, an empty cache, and a token that may write to the repositories of "me"."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub.local_hub import LocalHub, local_hub
from tests.train.small_runs import train_in


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants, file_download

    monkeypatch.setenv("HF_TOKEN", "writer")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with local_hub() as made:
        template = made.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", made.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        yield made


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a language model."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    train_in(folder, steps=4, warmup_steps=1, validate_every=2, backend="reference")
    return folder
