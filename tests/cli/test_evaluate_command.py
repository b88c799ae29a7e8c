"""tidegate evaluate."""

import math

import pytest

from tidegate.text import CharacterTokenizer, ngram_baselines
from tidegate.text.evaluation import evaluate
from tidegate.text.evaluation_report import loss_table
from tidegate.train import load_run


def rows(output: str) -> dict[str, list[str]]:
    table = output.split("perplexity/character\n")[1].splitlines()
    return {line[:12].strip(): line[12:].split() for line in table[:6]}


@pytest.mark.parametrize("part", ["test", "validation", "train"])
def test_the_model_is_measured_beside_the_baselines_of_the_same_part(cli, run_folder, part):
    result = cli("evaluate", run_folder, "--split", part)
    assert result.exit_code == 0, result.output
    run = load_run(run_folder)
    corpus = run.open_data()
    ids = getattr(corpus, part)
    nats = evaluate(run.model, ids).loss
    found = rows(result.stdout)
    assert found["this model"] == [f"{nats:.3f}", f"{nats / math.log(2):.3f}", f"{math.exp(nats):.2f}"]
    for name, loss in ngram_baselines(corpus.train, ids, run.tokenizer.vocabulary_size).items():
        assert found[name][0] == f"{loss:.3f}"
        assert " ".join(found[name][3:]) == ("beaten" if nats < loss else "not beaten")
    assert f"{part} (contiguous 80/10/10)" in result.stdout
    assert ("counted on this very text" in result.stdout) == (part == "train")


def test_the_test_part_is_the_default(cli, run_folder):
    assert cli("evaluate", run_folder).stdout == cli("evaluate", run_folder, "--split", "test").stdout


def test_other_text_is_read_with_the_runs_vocabulary(cli, run_folder, tmp_path):
    text = "a dog sat on the cat. the mat sat on a log.\n" * 5
    (tmp_path / "a.txt").write_text(text)
    result = cli("evaluate", run_folder, tmp_path)
    assert result.exit_code == 0, result.output
    run = load_run(run_folder)
    nats = evaluate(run.model, run.tokenizer.encode(text)).loss
    assert rows(result.stdout)["this model"][0] == f"{nats:.3f}"


def test_replaced_characters_of_other_text_are_reported(cli, hangul_run, tmp_path):
    (tmp_path / "a.txt").write_text("나는 é 바다를\n" * 5)
    result = cli("evaluate", hangul_run, tmp_path / "a.txt")
    assert result.exit_code == 0, result.output
    assert "'é' U+00E9" in result.stderr


def test_expected_errors_are_one_message(cli, run_folder, tmp_path):
    (tmp_path / "unknown.txt").write_text("é" * 50)
    (tmp_path / "short.txt").write_text("a")
    (tmp_path / "latin1.txt").write_bytes(b"the c\xe9t")
    for arguments, said in [
        ([tmp_path], "holds no run"),
        ([run_folder, tmp_path / "missing.txt"], "does not exist"),
        ([run_folder, tmp_path / "unknown.txt"], "U+00E9"),
        ([run_folder, tmp_path / "short.txt"], "need"),
        ([run_folder, tmp_path / "latin1.txt"], "latin1.txt"),
        ([run_folder, tmp_path / "short.txt", "--split", "test"], "--split"),
        ([run_folder, "--split", "half"], "--split"),
    ]:
        result = cli("evaluate", *arguments)
        assert result.exit_code == 2, (arguments, result.exception)
        assert said in result.stderr


def test_weights_in_int8_are_said_and_change_the_loss_a_little(cli, run_folder):
    result = cli("evaluate", run_folder, "--limit", 300, "--weights", "int8")
    assert result.exit_code == 0
    assert "rounded to int8" in result.stderr
    run = load_run(run_folder)
    plain = evaluate(run.model, run.open_data().test[:300]).loss
    assert float(rows(result.stdout)["this model"][0]) == pytest.approx(plain, abs=0.03)
    refused = cli("evaluate", run_folder, "--weights", "int8", "--dynamic", "sgd")
    assert refused.exit_code == 2
    assert "--weights" in refused.stderr


def test_a_cache_is_named_and_changes_the_loss(cli, run_folder):
    plain = cli("evaluate", run_folder, "--limit", 300)
    cached = cli("evaluate", run_folder, "--limit", 300, "--cache", 50, "--cache-weight", 0.3)
    assert cached.exit_code == 0
    assert "cache  the last 50 characters, theta 0.3, weight 0.3" in cached.stdout
    shown = [next(line for line in it.stdout.splitlines() if "this model" in line) for it in (plain, cached)]
    assert shown[0] != shown[1]
    refused = cli("evaluate", run_folder, "--cache-theta", 1)
    assert refused.exit_code == 2
    assert "give it with --cache N" in refused.stderr


def test_dynamic_evaluation_is_named_and_leaves_the_run_as_it_is(cli, run_folder):
    before = (run_folder / "model.safetensors").read_bytes()
    plain = cli("evaluate", run_folder, "--limit", 60)
    learning = cli("evaluate", run_folder, "--limit", 60, "--dynamic", "sgd", "--dynamic-segment", 20)
    assert learning.exit_code == 0, learning.output
    assert "learns in one stream, every 20 characters, by sgd, rate 0.1, decay 0.001" in learning.stdout
    shown = [next(line for line in it.stdout.splitlines() if "this model" in line) for it in (plain, learning)]
    assert shown[0] != shown[1]
    assert (run_folder / "model.safetensors").read_bytes() == before
    for options, said in (
        (("--dynamic-decay", 0.1), "give it with --dynamic sgd"),
        (("--dynamic", "sgd", "--cache", 5), "exclude each other"),
    ):
        refused = cli("evaluate", run_folder, *options)
        assert refused.exit_code == 2
        assert said in refused.stderr


def test_an_empty_part_is_an_error(cli, text_file, tmp_path):
    small = ("--hidden-size", 4, "--steps", 1, "--splits", "90/10/0", "--sample-length", 0)
    assert cli("train", "lm", text_file, "--out", tmp_path / "run", *small).exit_code == 0
    result = cli("evaluate", tmp_path / "run", "--split", "test")
    assert result.exit_code == 2
    assert "no test part" in result.stderr
    assert "validation (contiguous 90/10)" in cli("evaluate", tmp_path / "run").stdout


def test_the_table_by_hand():
    # 1 bit is log 2 nats and perplexity 2; uniform over 8 characters is 3 bits.
    table = loss_table(CharacterTokenizer("abcdefgh"), math.log(2), {"uniform": math.log(8), "bigram": math.log(1.5)})
    assert table.splitlines() == [
        "              nats/character  bits/character  perplexity/character",
        "uniform                2.079           3.000                  8.00  beaten",
        "this model             0.693           1.000                  2.00",
        "bigram                 0.405           0.585                  1.50  not beaten",
    ]
