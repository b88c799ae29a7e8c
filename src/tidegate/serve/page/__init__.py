"""The page's own files: HTML, CSS, ES modules, and the charting library with its licence."""

from pathlib import Path

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".LICENSE": "text/plain"}

FILES = {
    path.relative_to(Path(__file__).parent).as_posix(): path
    for path in sorted(Path(__file__).parent.rglob("*"))
    if path.suffix in TYPES
}
"""Everything that is served, by its path on the page: nothing else can be asked for."""
