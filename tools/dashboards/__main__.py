"""Writes the dashboards: `python -m tools.dashboards`; with --check, says whether they are fresh."""

from __future__ import annotations

import sys

from tools.dashboards.files import main

if __name__ == "__main__":
    sys.exit(main())
