"""The packages: version, licence, digest of the archive, and what is in their files."""

from __future__ import annotations

from benchmarks.published_files.framework_packages import FRAMEWORK_PACKAGES
from benchmarks.published_files.onnx_packages import ONNX_PACKAGES

PACKAGES = tuple(sorted((*FRAMEWORK_PACKAGES, *ONNX_PACKAGES), key=lambda it: (it.name, it.version, it.format)))
