"""Print the lowest versions that pyproject.toml declares, as constraints for pip: see ``make test-lowest``."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXTRAS = ("cli", "look", "tasks", "onnx", "hub")  # what users install; the tools of developers are the newest that fit


def lowest() -> list[str]:
    """Return a constraint ``NAME==VERSION`` for each package that users install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *(it for extra in EXTRAS for it in project["optional-dependencies"][extra])]
    return [re.sub(r"\s*>=\s*", "==", line) for line in declared]


if __name__ == "__main__":
    print("\n".join(lowest()))
