"""tidegate generate."""

import signal
import subprocess

import pytest
from command_line import command, environment, process

from tidegate.text import Corpus
from tidegate.text.generation import generate
from tidegate.train import load_run


@pytest.fixture(scope="module")
def lines(run_folder) -> str:
    """What the library writes: 60 characters from "the " with seed 3."""
    run = load_run(run_folder)
    return "".join(
        piece.text for piece in generate(run.model, run.tokenizer, "the ", length=60, temperature=0.8, seed=3)
    )


def test_it_prints_the_prompt_and_what_the_library_writes(cli, run_folder, lines):
    result = cli("generate", run_folder, "--prompt", "the ", "--length", 60, "--seed", 3)
    assert (result.exit_code, result.stdout) == (0, "the " + lines + "\n")


def test_settings_reach_the_draw(cli, run_folder):
    run = load_run(run_folder)
    for options, settings in [
        (["--temperature", 1.5], {"temperature": 1.5}),
        (["--temperature", 1.5, "--top-k", 2], {"temperature": 1.5, "top_k": 2}),
        (["--temperature", 1.5, "--top-p", 0.4], {"temperature": 1.5, "top_p": 0.4}),
        (["--temperature", 1.5, "--min-p", 0.4], {"temperature": 1.5, "min_p": 0.4}),
        (["--greedy"], {"temperature": 0}),
    ]:
        written = "".join(p.text for p in generate(run.model, run.tokenizer, "a", length=50, seed=1, **settings))
        result = cli("generate", run_folder, "--prompt", "a", "--length", 50, "--seed", 1, *options)
        assert result.stdout == f"a{written}\n", options


def test_weights_in_int8_reach_the_model(cli, run_folder):
    run = load_run(run_folder)
    settings = {"length": 50, "seed": 1, "temperature": 0.8}
    made = "".join(p.text for p in generate(run.model, run.tokenizer, "a", weights="int8", **settings))
    result = cli("generate", run_folder, "--prompt", "a", "--length", 50, "--seed", 1, "--weights", "int8")
    assert result.stdout == f"a{made}\n"


def test_a_random_seed_is_printed_and_reproduces_the_text(cli, run_folder):
    first = cli("generate", run_folder, "--length", 50)
    told = first.stderr.split("--seed ")[1].split()[0]
    assert cli("generate", run_folder, "--length", 50, "--seed", told).stdout == first.stdout
    assert cli("generate", run_folder, "--length", 50).stdout != first.stdout


def test_stop_strings_end_the_text(cli, run_folder, lines):
    stop = lines[20:23]
    result = cli("generate", run_folder, "--prompt", "the ", "--length", 60, "--seed", 3, "--stop", stop)
    assert result.stdout == "the " + lines[: lines.index(stop)] + "\n"


def test_many_texts_come_one_after_the_other(cli, run_folder, lines):
    result = cli("generate", run_folder, "--prompt", "the ", "--length", 60, "--seed", 3, "--count", 3)
    assert result.stdout.startswith(f"--- 1 of 3 ---\nthe {lines}\n--- 2 of 3 ---\nthe ")
    assert result.stdout.count("\nthe ") == 3


def test_the_longest_copy_is_reported_and_is_a_copy(cli, run_folder):
    result = cli("generate", run_folder, "--length", 200, "--seed", 0)
    told = result.stderr.splitlines()[-1]
    assert told.startswith("Longest passage copied from the training text: ")
    count, quoted = told.split(": ", 1)[1].split(" ", 1)[0], told.split(": ", 2)[2]
    run = load_run(run_folder)
    training = run.tokenizer.decode(run.open_data().train)
    body = result.stdout[:-1]
    longest = max(
        (body[i:j] for i in range(len(body)) for j in range(i + 1, len(body) + 1) if body[i:j] in training), key=len
    )
    assert int(count) == len(longest)
    assert quoted == repr(longest if len(longest) <= 60 else longest[:60] + "...")


def test_of_a_long_text_only_the_end_is_searched_for_copies_and_it_says_so(cli, run_folder, monkeypatch):
    monkeypatch.setattr("tidegate.cli.verbs.generate.REMEMBERED", 5)
    result = cli("generate", run_folder, "--length", 50, "--seed", 0)
    assert "from 5 pieces before it" in result.stderr
    assert "training text: " in result.stderr
    assert int(result.stderr.split("training text: ")[1].split()[0]) <= 5
    assert len(result.stdout) == 51


def test_copies_need_not_be_looked_for(cli, run_folder, monkeypatch):
    monkeypatch.setattr(Corpus, "train", property(lambda self: pytest.fail("the training text was read")))
    result = cli("generate", run_folder, "--length", 5, "--seed", 0, "--no-copies")
    assert (result.exit_code, result.stderr) == (0, "")


def test_an_unknown_character_follows_the_runs_policy(cli, run_folder, hangul_run):
    result = cli("generate", run_folder, "--prompt", "thé", "--length", 5)
    assert result.exit_code == 2
    assert "'é' U+00E9" in result.stderr
    assert result.stdout == ""
    result = cli("generate", hangul_run, "--prompt", "나é", "--length", 5)
    assert result.exit_code == 0
    assert "replaced by U+FFFD: 'é' U+00E9" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--temperature", "-1"], "--temperature"),
        (["--temperature", "nan"], "temperature"),
        (["--top-k", "0"], "--top-k"),
        (["--top-p", "0"], "top_p"),
        (["--top-p", "1.5"], "top_p"),
        (["--min-p", "2"], "min_p"),
        (["--length", "-1"], "--length"),
        (["--count", "0"], "--count"),
        (["--seed", "-1"], "--seed"),
        (["--stop", ""], "stop string"),
        (["--endless", "--count", "2"], "--count"),
        (["--device", "abacus"], "--device"),
    ],
)
def test_bad_values_are_refused(cli, run_folder, options, said):
    result = cli("generate", run_folder, *options)
    assert result.exit_code == 2, repr(result.exception)
    assert said in result.stderr
    assert result.stdout == ""


def test_a_folder_without_a_run_raises(cli, tmp_path):
    for folder, said in ((tmp_path / "missing", "does not exist"), (tmp_path, "holds no run")):
        result = cli("generate", folder)
        assert result.exit_code == 2
        assert said in result.stderr
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    result = cli("generate", tmp_path)
    assert result.exit_code == 2
    assert "config.json" in result.stderr


def test_a_terminal_shows_escapes_and_a_pipe_gets_them(cli, tmp_path, monkeypatch):
    (tmp_path / "nasty.txt").write_text("\x1b[31m\x07" * 200)
    options = "--hidden-size 8 --steps 40 --warmup-steps 1 --learning-rate 0.03 --sample-length 20 --device cpu"
    trained = cli("train", "lm", tmp_path / "nasty.txt", "--out", tmp_path / "run", *options.split())
    assert trained.exit_code == 0, trained.output
    assert "\x1b" not in trained.stdout
    assert "\x07" not in trained.stdout
    arguments = ["generate", str(tmp_path / "run"), "--length", "24", "--greedy"]
    piped = cli(*arguments)
    assert "\x1b[31m\x07" in piped.stdout
    assert "\x1b" not in piped.stderr
    monkeypatch.setattr("tidegate.cli.verbs.generate._is_terminal", lambda: True)
    shown = cli(*arguments)
    assert r"\x1b[31m\x07" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_endless_text_ends_with_ctrl_c(run_folder):
    with subprocess.Popen(
        command("generate", run_folder, "--endless", "--seed", 0),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert len(running.stdout.read(700)) == 700  # more than the usual length
        running.send_signal(signal.SIGINT)
        running.stdout.read()
        said = running.stderr.read().decode()
        assert running.wait(60) == 130
    assert "Longest passage" in said
    assert said.endswith("Interrupted.\n")
    assert "Traceback" not in said


def test_text_is_utf_8_in_a_pipe(hangul_run):
    done = process("generate", hangul_run, "--prompt", "나는", "--length", 30, "--seed", 1)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.decode("utf-8")) == 33
