"""Small finished runs, made by the command line itself, for the tests beside this file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

SENTENCES = "the cat sat on the mat. the dog sat on the log. a cat and a dog ran to the mat.\n"


@pytest.fixture(scope="session")
def cli() -> Callable[..., Result]:
    """Run the command line in this process."""
    import torch

    from tidegate.cli.app import app

    torch.set_num_threads(1)  # the models are tiny, and tests may run beside other work
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "sentences.txt"
    path.write_text(SENTENCES * 60, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(
    cli: Callable[..., Result], text_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Result]:
    """A small run made by the command line, and what was printed."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    options = (
        "--hidden-size 24 --batch-size 8 --k1 20 --steps 60 --warmup-steps 5 --validate-every 20 --splits 80/10/10"
    )
    result = cli("train", "lm", text_file, "--out", folder, *options.split(), "--device", "cpu", "--sample-length", 40)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return folder, result


@pytest.fixture(scope="session")
def run_folder(trained: tuple[Path, Result]) -> Path:
    return trained[0]


@pytest.fixture(scope="session")
def hangul_run(cli: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on Korean text, with unknown characters replaced."""
    folder = tmp_path_factory.mktemp("hangul")
    (folder / "text.txt").write_text("나는 바다를 본다. 너는 산을 본다.\n" * 60, encoding="utf-8")
    options = "--hidden-size 16 --batch-size 8 --k1 20 --steps 10 --unknown replace --device cpu --sample-length 0"
    result = cli("train", "lm", folder / "text.txt", "--out", folder / "run", *options.split())
    assert result.exit_code == 0, result.output + repr(result.exception)
    return folder / "run"
