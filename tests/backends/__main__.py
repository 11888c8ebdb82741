"""`python -m tests.backends build [NAME…]` builds the servers that the tests need; `list` shows which there are."""

from __future__ import annotations

import argparse
import sys

from tests.backends import needs
from tests.backends.build import BuildError, build
from tests.backends.cache import backends_dir
from tests.backends.parts import PARTS


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(PARTS)}")
    return name


def main() -> int:
    """Do what the command line says; the exit status is 1 where a build failed, 2 where the machine lacks something."""
    parser = argparse.ArgumentParser(prog="python -m tests.backends", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build what the cache lacks")
    building.add_argument(
        "names", nargs="*", type=_part, metavar="NAME", help=f"of {', '.join(PARTS)}; none: all but those by hand"
    )
    commands.add_parser("list", help="what there is, and where")
    asked = parser.parse_args()
    if asked.command == "list":
        print(f"in {backends_dir()}")
        for part in PARTS.values():
            state = (
                "built"
                if part.folder.is_dir()
                else f"not built (about {part.minutes:g} min{', by hand' if part.by_hand else ''})"
            )
            print(f"{part.name:16} {part.version:24} {state}")
        return 0
    try:
        build(asked.names)
    except needs.MissingError as missing:
        print(missing, file=sys.stderr)
        return 2
    except BuildError as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
