"""tidegate demo, made small."""

import sysconfig
from pathlib import Path

import pytest

from tidegate.cli.verbs import demo
from tidegate.errors import DataError
from tidegate.lens.highlights import Sentence, kept_highlights
from tidegate.train import load_run


def files_of(root: Path, **texts: bytes) -> None:
    for name, content in texts.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def test_tests_tables_packages_and_other_encodings_are_passed_over(tmp_path):
    files_of(
        tmp_path,
        a=b"x = 1\n",
        json__decoder=b"y = 2\n",
        test__a=b"no\n",
        json__tests__b=b"no\n",
        encodings__cp1=b"no\n",
        latin=b"# caf\xe9\n",
        **{"site-packages__thing": b"no\n"},
    )
    (tmp_path / "notes.txt").write_text("no")
    assert set(demo.standard_library(tmp_path)) == {tmp_path / "a.py", tmp_path / "json" / "decoder.py"}


def test_the_order_does_not_depend_on_where_the_library_is(tmp_path):
    names = [f"m{n}" for n in range(20)]
    for root in (tmp_path / "one", tmp_path / "two"):
        files_of(root, **dict.fromkeys(names, b"x\n"))
    one, two = ([path.name for path in demo.standard_library(tmp_path / root)] for root in ("one", "two"))
    assert one == two
    assert one != sorted(one)


def test_no_more_is_read_than_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "CHARACTERS", 25)
    files_of(tmp_path, **{f"m{n}": b"x" * 10 for n in range(20)})
    assert len(demo.standard_library(tmp_path)) == 3


def test_a_library_without_source_is_told(tmp_path):
    with pytest.raises(DataError, match="train on text of your own"):
        demo.standard_library(tmp_path)


def test_this_machine_has_enough_of_it():
    files = demo.standard_library(Path(sysconfig.get_paths()["stdlib"]))
    assert sum(len(path.read_text("utf-8")) for path in files) >= demo.CHARACTERS


def test_it_trains_and_ends_with_the_result_a_sample_and_how_to_go_on(cli, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "CHARACTERS", 60_000)
    monkeypatch.setattr(demo, "HIDDEN_SIZE", 32)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "demo").mkdir(parents=True)  # an earlier one is left alone
    result = cli("demo", "--minutes", 0.02)
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert not any((tmp_path / "runs" / "demo").iterdir())
    folder = Path("runs", "demo-2")
    run = load_run(folder)
    assert run.validation is not None
    ends = result.stdout.split("On held-out text (contiguous 90/5/5):")[1]
    table = {line[:12].strip(): line[12:].split() for line in ends.splitlines()}
    assert table["this model"][0] == f"{run.validation:.3f}"
    assert set(run.config.baselines) == {"uniform", "unigram", "bigram", "trigram", "5-gram"}
    for name, nats in run.config.baselines.items():
        assert table[name][0] == f"{nats:.3f}"
        assert table[name][3] == ("beaten" if run.validation < nats else "not")
    assert "beaten" in table["uniform"]
    written = ends.split("It writes, from 'def ':\n\n")[1]
    assert written.startswith("def ")
    assert f"tidegate generate {folder} --prompt" in written
    plain = " ".join(result.stdout.split())
    sections = kept_highlights(run) or []
    printed = [it for it in sections if it.name in demo.SHOWN]
    assert printed
    for sentence in (part.text for it in printed for part in it.parts if isinstance(part, Sentence)):
        assert sentence in plain  # the report shows the same
    assert f"tidegate train lm --resume {folder} --minutes" in written


def test_a_bad_length_of_time_is_told(cli, tmp_path):
    result = cli("demo", "--minutes", 0, "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert "minutes" in result.stderr
    assert not (tmp_path / "run").exists()
