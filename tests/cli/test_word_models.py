"""Language models on words, from the command line."""

import re

import numpy as np
import pytest

from tidegate.text.evaluation import evaluate
from tidegate.train import load_run

TEXT = "the cat sat on the mat .\nthe dog saw the cat and ran .\n\nit is a cat .\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("words")
    for name, text in {"train": TEXT * 20, "valid": TEXT + "the zebra ran .", "test": TEXT * 8}.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


@pytest.fixture(scope="module")
def run(cli, files):
    parts = ("--train", files / "train.txt", "--validation", files / "valid.txt", "--test", files / "test.txt")
    options = "--tokenizer words --embedding-size 8 --hidden-size 16 --batch-size 4 --k1 10 --steps 30 --warmup-steps 2"
    result = cli("train", "lm", *parts, "--out", files / "run", *options.split(), "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "1 unknown word read as <unk>: 'zebra' (1 time)" in result.output
    assert "4-gram" in result.output
    return files / "run"


def test_perplexity_is_that_of_each_parts_words(cli, run):
    result = cli("evaluate", run, "--split", "validation")
    assert result.exit_code == 0, result.output
    corpus, loaded = load_run(run).open_data(), load_run(run)
    words = (TEXT + "the <unk> ran .\n").split("\n")
    assert len(corpus.validation) == sum(len(line.split()) + 1 for line in words[:-1])
    loss = evaluate(loaded.model, corpus.validation).loss
    assert re.search(rf"this model +{loss:.3f} +{loss / np.log(2):.3f} +{np.exp(loss):.2f}\n", result.stdout + "\n")
    characters = len(corpus.tokenizer.decode(corpus.validation)) - len("the")
    bits = loss * (len(corpus.validation) - 1) / np.log(2) / characters
    assert f"bits   {bits:.3f} per character" in result.stdout
    assert f"unk    {1 / (len(corpus.validation) - 1):.2%} of them are <unk>, which counts as a word" in result.stdout
    for order in ("unigram", "bigram", "trigram", "4-gram", "5-gram"):
        assert order in result.stdout


def test_the_same_file_is_evaluated_as_the_part_that_it_was(cli, run, files):
    own = cli("evaluate", run, "--split", "test").stdout
    other = cli("evaluate", run, files / "test.txt").stdout
    assert own.splitlines()[2:] == other.splitlines()[2:]


def test_written_words_stand_apart(cli, run):
    result = cli("generate", run, "--prompt", "the zebra", "--length", 10, "--seed", 1)
    assert result.exit_code == 0, result.output
    assert re.match(r"the zebra[ \n]\S", result.stdout)
    assert "1 unknown word read as <unk>: 'zebra'" in result.stderr
    assert "Longest passage copied from the training text:" in result.stderr


def test_a_report_is_written_of_words(cli, run, files):
    result = cli("look", run, "--out", files / "report.html")
    assert result.exit_code == 0, result.output
    assert "after determiner" in (files / "report.html").read_text()
