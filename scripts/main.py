"""The offline experiment: profile, generate, train, schedule, evaluate (see docs/guide/contest.md)."""

import sys

from heterosched_lab.contest.app import app

if __name__ == "__main__":
    app(["experiment", *sys.argv[1:]])
