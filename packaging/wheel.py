"""Adds the manual pages and the shells' completions to the wheel, below ``share``; see scripts/man_pages.py."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Pages(BuildHookInterface):  # type: ignore[type-arg, misc, unused-ignore]
    """Called by hatchling at each build of a wheel."""

    _made: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make them, where the wheel is a whole one and not a link to the source."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        try:
            from scripts.man_pages import write

            self._made = tempfile.mkdtemp()
            files = write(Path(self._made))
        finally:
            sys.path.remove(self.root)
        build_data["shared_data"].update({str(Path(self._made) / file): f"share/{file}" for file in files})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clean up."""
        if self._made is not None:
            shutil.rmtree(self._made)
