"""Writes the pages of docs/how-to anew, with the answers that they show; with --check, says whether they are fresh.

New answers come from real servers: `make how-to`.
"""

from __future__ import annotations

import sys

from tools.how_to.files import rewrite, stale

if __name__ == "__main__":
    if "--check" not in sys.argv:
        rewrite()
    if found := stale():
        print(f"not fresh: {', '.join(found)}; run: make how-to", file=sys.stderr)
        sys.exit(1)
