"""The rendered examples of deploy/kubernetes: `python -m tools.kubernetes` writes them by Helm; `--check` needs none.

Each says in its head from what it was made, by digest, and what it had in it then: so that a look is enough to tell
whether the chart, its values or the file itself has changed since. What the
chart knows of our programs is compared too.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import kubernetes_known as known

FOLDER = Path(__file__).parents[1] / "deploy" / "kubernetes"
CHART = "orchestrator-telemetry"
_HEAD = """\
# Made by `make kubernetes` from {source}: change that instead.
# inputs sha256:{inputs}
# content sha256:{content}
"""
_DIGESTS = re.compile(r"# .*\n# inputs sha256:([0-9a-f]{64})\n# content sha256:([0-9a-f]{64})\n")


@dataclass(frozen=True)
class Example:
    """One rendered file. `source` is a file of values for the chart, or the folder of a chart that depends on it."""

    name: str
    source: str
    release: str = CHART
    namespace: str = CHART

    def rendered(self, folder: Path) -> Path:
        """Where it lies, below deploy/kubernetes."""
        return folder / "examples" / f"{self.name}.yaml"

    def inputs(self, folder: Path) -> list[Path]:
        """All files that it is made from."""
        own = folder / self.source
        return [*_files(folder / "chart"), *(_files(own) if own.is_dir() else [own])]


EXAMPLES = (
    *(Example(size, f"examples/{size}.values.yaml") for size in ("small", "medium", "large")),
    Example("sidecar", "examples/sidecar", "agents", "agents"),
)


def problems(folder: Path = FOLDER) -> Iterator[str]:
    """What is stale or was changed by hand, a line each."""
    if _text(folder / known.NAME) != known.text():
        yield f"deploy/kubernetes/{known.NAME} is stale, or was changed by hand: make kubernetes"
    for example in EXAMPLES:
        path = example.rendered(folder)
        text = _text(path)
        head = _DIGESTS.match(text)
        shown = f"deploy/kubernetes/examples/{path.name}"
        if head is None:
            yield f"{shown} is missing or has no head: make kubernetes"
        elif head[1] != _digest(example.inputs(folder), folder):
            yield f"{shown} is stale, its chart or its values have changed: make kubernetes"
        elif head[2] != _sha256(text[head.end() :]):
            yield f"{shown} was changed by hand: make kubernetes"


def write(helm: str, folder: Path = FOLDER) -> None:
    """Renders every example. Raises CalledProcessError where Helm refuses; its own words are on standard error."""
    (folder / known.NAME).write_text(known.text(), encoding="utf-8")
    for example in EXAMPLES:
        text = render(helm, example, folder)
        head = _HEAD.format(
            source=f"chart/ and {example.source}",
            inputs=_digest(example.inputs(folder), folder),
            content=_sha256(text),
        )
        example.rendered(folder).write_text(head + text, encoding="utf-8")


def render(helm: str, example: Example, folder: Path = FOLDER) -> str:
    """What `helm template` makes of an example."""
    with tempfile.TemporaryDirectory() as temporary:
        chart, values = folder / "chart", ["--values", str(folder / example.source)]
        if (folder / example.source).is_dir():
            chart = Path(shutil.copytree(folder / example.source, Path(temporary) / "chart"))
            shutil.copytree(folder / "chart", chart / "charts" / CHART)
            values = []
        line = [helm, "template", example.release, str(chart), "--namespace", example.namespace, *values]
        done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
    return re.sub(r"(?m)[ \t]+$", "", done.stdout)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(files: Iterable[Path], root: Path) -> str:
    """Of names and contents."""
    sha = hashlib.sha256()
    for file in files:
        sha.update(f"{file.relative_to(root)}\0{_sha256(file.read_text(encoding='utf-8'))}\0".encode())
    return sha.hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main(arguments: list[str]) -> int:
    """1 where something is stale."""
    if arguments == ["--check"]:
        found = list(problems())
        sys.stderr.writelines(f"{one}\n" for one in found)
        return 1 if found else 0
    from tests.backends.build import folder  # only who writes needs a Helm, and it is the tests that build one

    write(str(folder("helm") / "bin" / "helm"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
