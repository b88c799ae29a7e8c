"""What a row of the table says about a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.published_files.onnx_networks import Onnx
from benchmarks.published_files.own_runtimes import Keras, Torch
from benchmarks.published_files.tensorflow_graph import FrozenGru

Layers = Mapping[str, Torch | Keras | Onnx | FrozenGru]  # by their names in the report of `tidegate.convert.read`


@dataclass(frozen=True)
class Refused:
    """Files that should be refused.

    Attributes:
        why: in the table.
        told: what the message says.
    """

    why: str
    told: str


@dataclass(frozen=True)
class Package:
    """A package on PyPI.

    Attributes:
        name: of the package.
        version: pinned.
        licence: of the package.
        digest: SHA-256 of the archive.
        format: of its files, and who wrote them.
        files: patterns of files in the archive, and the recurrent layers that each of these has.
        kind: of archive.
        within: an archive within it that has the files.
    """

    name: str
    version: str
    licence: str
    digest: str
    format: str
    files: Mapping[str, Layers | Refused] = field(default_factory=dict)
    kind: Literal["wheel", "sdist"] = "wheel"
    within: str = ""

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"
