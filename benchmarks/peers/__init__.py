"""The libraries to compare with, one file each; a peer is a module with the attributes of `Peer`."""

import importlib.metadata
from typing import Protocol

from benchmarks.contender import Contender
from benchmarks.peers import compiled, jax_scan, keras_layers, loop, onnx_runtime, torch_cell, torch_nn
from benchmarks.problem import Problem, Setting
from tidegate.errors import ArgumentError, MissingDependencyError


class Peer(Protocol):
    """A library that solves our problems."""

    @property
    def name(self) -> str:
        """Its name in ``--peers`` and in tables."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that it needs."""
        ...

    def supports(self, setting: Setting) -> bool:
        """Whether it supports a setting."""
        ...

    def prepare(self, problem: Problem) -> Contender:
        """Do everything that is done once: convert weights, build functions."""
        ...


PEERS: tuple[Peer, ...] = (torch_nn, torch_cell, loop, compiled, jax_scan, keras_layers, onnx_runtime)
"""All peers; the report lists those that are not installed as absent."""
OPT_IN = (compiled.name,)  # unrolling and compiling one loop takes minutes


def missing(peer: Peer) -> list[str]:
    """List the packages of a peer that are not installed."""
    return [package for package in peer.packages if not _version(package)]


def standing(peer: Peer) -> str:
    """Return the versions of a peer's packages, or how to install them."""
    if missing(peer):
        return f"absent: pip install {' '.join(peer.packages)}"
    return ", ".join(f"{package} {_version(package)}" for package in peer.packages)


def choose_peers(names: str | None = None) -> list[Peer]:
    """Return the named peers, separated by commas; by default, all that are installed and compile in seconds.

    Raises:
        ArgumentError: no peer has that name.
        MissingDependencyError: a named peer is not installed.
    """
    if names is None:
        return [peer for peer in PEERS if peer.name not in OPT_IN and not missing(peer)]
    by_name = {peer.name: peer for peer in PEERS}
    chosen = []
    for name in (part.strip() for part in names.split(",")):
        if name not in by_name:
            raise ArgumentError(f"There is no peer {name!r}. The peers are: {', '.join(by_name)}.")
        if missing(by_name[name]):
            raise MissingDependencyError(f"{name} is {standing(by_name[name])}")
        chosen.append(by_name[name])
    return chosen


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
