"""Two hosts: two network namespaces, each with an address of its own and no other way to the other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

ADDRESSES = ("10.199.77.1", "10.199.77.2")
HOSTS = ("tidegate-a", "tidegate-b")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def can_have_hosts() -> bool:
    if not shutil.which("ip") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    tried = subprocess.run(["ip", "netns", "add", "tidegate-try"], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", "tidegate-try"], capture_output=True, check=False)
    return tried


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_have_hosts(), reason="network namespaces need Linux, ip and root"),
]


@pytest.fixture
def hosts() -> Iterator[None]:
    for host in HOSTS:
        subprocess.run(["ip", "netns", "del", host], capture_output=True, check=False)
        ip("netns", "add", host)
    ip("link", "add", "tg-a", "netns", HOSTS[0], "type", "veth", "peer", "name", "tg-b", "netns", HOSTS[1])
    for host, link, address in zip(HOSTS, ("tg-a", "tg-b"), ADDRESSES, strict=True):
        ip("-n", host, "addr", "add", f"{address}/24", "dev", link)
        ip("-n", host, "link", "set", link, "up")
        ip("-n", host, "link", "set", "lo", "up")
    yield
    for host in HOSTS:
        kill(host)
        ip("netns", "del", host)


def launch(rank: int, *arguments: object, port: int) -> subprocess.Popen[str]:
    """One host's part of a run, as README says it."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--node-rank", str(rank)]
    torchrun += ["--nproc-per-node", "1", "--master-addr", ADDRESSES[0], "--master-port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": f"tg-{'ab'[rank]}"}
    return subprocess.Popen(
        ["ip", "netns", "exec", HOSTS[rank], *torchrun, "-m", "tidegate", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill(host: str) -> None:
    """All that runs on a host is gone at once."""
    found = subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True, check=True).stdout
    for pid in found.split():
        os.kill(int(pid), signal.SIGKILL)


def both(*arguments: object, port: int) -> list[str]:
    parts = [launch(rank, *arguments, port=port) for rank in range(2)]
    said = [part.communicate(timeout=240)[0] for part in parts]
    assert [part.returncode for part in parts] == [0, 0], "\n".join(said)
    return said


def data(folder: Path) -> Path:
    path = folder / "data.txt"
    lines = (f"__label__{'ab'[n % 2]} {'xy'[n % 2]} {'z' * (n % 7)} w{n % 11}\n" for n in range(400))
    path.write_text("".join(lines))
    return path


def options(path: Path, out: Path, *more: object) -> tuple[object, ...]:
    small = "--hidden-size 8 --embedding-size 8 --dropout 0 --word-dropout 0 --level words --batch-size 16"
    return ("train", "classify", path, "--out", out, *small.split(), "--device", "cpu", *more)


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("hosts")
def test_two_hosts_learn_what_one_process_learns(tmp_path: Path) -> None:
    path = data(tmp_path)
    said = both(*options(path, tmp_path / "two", "--epochs", 2), port=29571)
    assert "Finished (budget)" in said[0]
    assert "Finished" not in said[1]  # one of them speaks and writes
    alone = [sys.executable, "-m", "tidegate", *map(str, options(path, tmp_path / "one", "--epochs", 2))]
    subprocess.run(alone, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=240)
    one, two = (metrics(tmp_path / name) for name in ("one", "two"))
    assert [(it["event"], it["step"]) for it in one] == [(it["event"], it["step"]) for it in two]
    for key in ("nats", "gradient_norm"):
        curves = [[it[key] for it in story if key in it] for story in (one, two)]
        torch.testing.assert_close(torch.tensor(curves[0]), torch.tensor(curves[1]), rtol=1e-4, atol=1e-6)
    models = [load_file(tmp_path / name / "model.safetensors") for name in ("one", "two")]
    torch.testing.assert_close(models[0], models[1], rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("hosts")
def test_bad_data_are_reported_on_both_hosts(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("__label__a x\nno class\n")
    parts = [launch(rank, *options(tmp_path / "data.txt", tmp_path / "run"), port=29575) for rank in range(2)]
    said = [part.communicate(timeout=120)[0] for part in parts]
    assert all(part.returncode for part in parts)
    assert f"tidegate: {tmp_path / 'data.txt'}, line 2: the line does not begin with" in said[0]
    assert "tidegate: The first process of this run could not begin" in said[1]
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("hosts")
def test_a_lost_worker_is_reported_and_the_run_resumes(tmp_path: Path) -> None:
    path, out = data(tmp_path), tmp_path / "run"
    more = ("--steps", 600, "--checkpoint-every", 5, "--report-every", 1)
    both(*options(path, tmp_path / "whole", *more), port=29572)
    parts = [launch(rank, *options(path, out, *more), port=29573) for rank in range(2)]
    deadline = time.monotonic() + 120
    while not (out / "metrics.jsonl").exists() or len(metrics(out)) < 12:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    kill(HOSTS[1])
    parts[1].communicate(timeout=60)
    said = parts[0].communicate(timeout=120)[0]
    assert parts[0].returncode != 0
    assert "Another of the 2 processes of this run ended" in said, said
    assert "with --resume" in said
    both("train", "classify", "--resume", out, port=29574)
    assert (out / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
