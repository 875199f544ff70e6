"""Run commands where what generating needs cannot be imported: ``python -m tests.light_commands < COMMANDS``.

COMMANDS: a JSON list of [command, arguments...]. Writes the list of [exit status, standard output, standard error].
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from click.testing import CliRunner

REFUSED = ("bpy", "trimesh", "pymeshlab", "embreex", "manifold3d", "networkx", "tensorboard")
COMMANDS = {
    "l3d-gen": "pipeline.cli.gen",
    "l3d-data": "pipeline.cli.data",
    "l3d-train": "pipeline.cli.train",
    "l3d-eval": "pipeline.cli.evaluate",
    "l3d-predict": "pipeline.cli.predict",
    "l3d-model": "pipeline.cli.model",
}


class Without:
    """Finds modules as ``finders`` do, but none of ``REFUSED``: they are as if not installed."""

    def __init__(self, finders: Sequence[Any]) -> None:
        self._finders = tuple(finders)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.partition(".")[0] in REFUSED:
            return None
        found = (finder.find_spec(name, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(self, *arguments: Any) -> Any:
        """What is said of installed packages, for those that ask for their own version."""
        for finder in self._finders:
            yield from getattr(finder, "find_distributions", lambda *_: ())(*arguments)


def run(name: str, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(importlib.import_module(COMMANDS[name]).main, arguments, prog_name=name)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


if __name__ == "__main__":
    sys.meta_path[:] = [Without(sys.meta_path)]
    json.dump([run(*command) for command in json.load(sys.stdin)], sys.stdout)
