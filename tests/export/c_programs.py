"""Runs that were never trained, and programs made of the C code of models."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from tidegate.export.c.running.compilers import CHECK, compile_library
from tidegate.text import LanguageModel, LanguageModelConfig
from tidegate.text.tokenizers.tokenizer import Tokenizer
from tidegate.train.run_folder import Run

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wconversion")


def untrained(task: str, model: nn.Module, vocabulary: Any, config: Any = None) -> Run:
    """A run without a folder: a model with random parameters, and what it needs of its data."""
    torch.manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.normal_()
    return Run(Path("nowhere"), SimpleNamespace(task=task, model=config), model.eval(), vocabulary, 0, None)  # type: ignore[arg-type]


def language_run(tokenizer: Tokenizer, hidden_size: int = 12) -> Run:
    config = LanguageModelConfig(vocabulary_size=tokenizer.vocabulary_size, hidden_size=hidden_size)
    return untrained("lm", LanguageModel(config, backend="reference"), tokenizer, config)


def strictly_compiled(
    folder: Path, *, compiler: str = "cc", flags: Sequence[str] = ("-O1",), name: str = "model"
) -> Path:
    """Compile the example of a folder; warnings are errors."""
    program = folder / "strict"
    sources = [it for it in (f"{name}.c", f"{name}_weights.c", "example.c") if (folder / it).exists()]
    command = [compiler, *STRICT, *flags, "-o", str(program), *sources, "-lm"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not ended.returncode, ended.stderr
    return program


def run_example(program: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(program), *arguments]
    return subprocess.run(
        command, cwd=program.parent, input=given, capture_output=True, encoding="utf-8", errors="replace", check=False
    )


def as_library(folder: Path, name: str = "model") -> Any:
    """The functions of a folder's code."""
    library = folder / "called.so"
    sources = [it for it in (folder / f"{name}.c", folder / f"{name}_weights.c") if it.exists()]
    compile_library(sources, library, CHECK)
    return ctypes.CDLL(str(library))
