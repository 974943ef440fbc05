"""10,000 tasks through every strategy: report and plots under data/results (see docs/guide/contest.md)."""

import sys

from heterosched_lab.contest.app import app

if __name__ == "__main__":
    app(["heavy", *sys.argv[1:]])
