"""A small run for sessions."""

import pytest
import torch
from tests.lens.hostile_run import small_run

from tidegate.train import Run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(1)
    return small_run(tmp_path_factory.mktemp("session") / "hostile")
