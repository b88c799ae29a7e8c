"""Passages of held-out text begin where a line does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tidegate.lens.record.held_out import held_out_text, passage
from tidegate.text import prepare_corpus


def run_of(folder: Path, text: str, **options: Any) -> Any:
    """What a run has of its text."""
    (folder / "text.txt").write_text(text, encoding="utf-8")
    corpus = prepare_corpus([folder / "text.txt"], folder / "corpus", splits=(0.8, 0.1, 0.1), **options)
    return SimpleNamespace(tokenizer=corpus.tokenizer, open_data=lambda: corpus)


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "words"])
def test_a_passage_begins_with_the_first_line_of_its_part(tmp_path: Path, tokenizer: str):
    text = "".join(f"line {n} of the text\n" for n in range(100, 400))
    run = run_of(tmp_path, text, tokenizer=tokenizer, min_count=1)
    whole = run.tokenizer.decode(run.open_data().test)
    after = whole[whole.index("\n") + 1 :]
    found = passage(run, 30)
    assert found.part == "test"
    assert found.text == run.tokenizer.decode(run.tokenizer.encode(after)[:30])
    assert found.text.startswith("line ")
    assert passage(run, 10**6).text == after
    assert held_out_text(run, 10**6) == whole


def test_a_text_without_lines_is_read_from_its_beginning(tmp_path: Path):
    run = run_of(tmp_path, "abc " * 2000)
    assert passage(run, 50).text == held_out_text(run, 50)
