"""The libraries we are compared with, one file each; a peer is a module with the names of `Peer`."""

from __future__ import annotations

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
        """What pip must have installed."""
        ...

    def supports(self, setting: Setting) -> bool:
        """Whether it takes part in this."""
        ...

    def prepare(self, problem: Problem) -> Contender:
        """Everything that is done once: weights converted, functions built."""
        ...


PEERS: tuple[Peer, ...] = (torch_nn, torch_cell, loop, compiled, jax_scan, keras_layers, onnx_runtime)
"""Whom the benchmark compares with; those that are not installed are told of as absent."""
OPT_IN = (compiled.name,)  # unrolling and compiling one loop takes minutes


def missing(peer: Peer) -> list[str]:
    """The packages a peer needs that are not installed."""
    return [package for package in peer.packages if not _version(package)]


def standing(peer: Peer) -> str:
    """The versions a peer is made of, or how to install it."""
    if missing(peer):
        return f"absent: pip install {' '.join(peer.packages)}"
    return ", ".join(f"{package} {_version(package)}" for package in peer.packages)


def choose_peers(names: str | None = None) -> list[Peer]:
    """The peers named, separated by commas; if none is named, all that are installed and compile in seconds.

    Raises:
        ArgumentError: there is no such peer.
        MissingDependencyError: a peer that is named is not installed.
    """
    if names is None:
        return [peer for peer in PEERS if peer.name not in OPT_IN and not missing(peer)]
    by_name = {peer.name: peer for peer in PEERS}
    chosen = []
    for name in (part.strip() for part in names.split(",")):
        if name not in by_name:
            raise ArgumentError(f"there is no peer {name!r}; the peers are: {', '.join(by_name)}")
        if missing(by_name[name]):
            raise MissingDependencyError(f"{name} is {standing(by_name[name])}")
        chosen.append(by_name[name])
    return chosen


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
