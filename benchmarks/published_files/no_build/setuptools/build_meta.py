"""Gives pip the metadata that an sdist carries."""

from __future__ import annotations

import email
import shutil
from pathlib import Path


class _Backend:
    @staticmethod
    def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: object = None) -> str:
        """Copy PKG-INFO, and return the name of the folder with it."""
        del config_settings
        said = email.message_from_string(Path("PKG-INFO").read_text(encoding="utf-8"))
        place = Path(metadata_directory, f"{said['Name'].replace('-', '_')}-{said['Version']}.dist-info")
        place.mkdir()
        shutil.copy("PKG-INFO", place / "METADATA")
        return place.name


__legacy__ = _Backend
prepare_metadata_for_build_wheel = _Backend.prepare_metadata_for_build_wheel
