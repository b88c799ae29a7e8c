"""What all steps of "The notes, run" share: two options, and a picture that comes out the same every time.

matplotlib draws: ``pip install matplotlib``.
"""

import argparse
from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#767676"
"""Colours that differ for colour-blind eyes too (Okabe & Ito 2008)."""


def arguments(doc: str | None) -> argparse.Namespace:
    """Read the command line of a step.

    Args:
        doc: the step's docstring; its first line says what it shows.

    Returns:
        ``quick`` (bool: smaller and faster, for a first look) and ``out`` (Path: the folder for its picture).
    """
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller and faster: a first look")
    parser.add_argument("--out", type=Path, default=Path("runs/notes"), help="folder for the picture (runs/notes)")
    return parser.parse_args()


def save(figure: Figure, options: argparse.Namespace, name: str, kind: Literal["svg", "png"] = "svg") -> Path:
    """Write a picture, with no date and no random identifiers in it, and say where it is."""
    path: Path = options.out / f"{name}.{kind}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(path, metadata={"Date": None} if kind == "svg" else {"Software": None}, bbox_inches="tight")
    print(f"picture: {path}")
    return path
