"""The machine and the versions of the measurements."""

import datetime
import os
import platform
from pathlib import Path

import torch

import tidegate
from benchmarks.peers import PEERS, standing


def describe() -> dict[str, str]:
    """Return processor, cores, threads, versions and the date, as text."""
    import llvmlite
    import numpy as np

    properties = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "load before": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
        "system": platform.platform(),
        "python": platform.python_version(),
        "tidegate": tidegate.__version__,
        "llvmlite": llvmlite.__version__,
        "numpy": np.__version__,
    }
    return properties | {peer.name: standing(peer) for peer in PEERS}


def processor() -> str:
    """Return the name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" not in names:
        return platform.machine()
    parts = [f"{word} {names[key]}" for word, key in (("family", "cpu family"), ("model", "model")) if key in names]
    return f"{names['model name']} ({', '.join(parts)})" if parts else names["model name"]
