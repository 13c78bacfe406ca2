"""Readings per second of `controlroom detect` as it comes, everything stored, against raw aiokafka `getmany`.

One row of `pipeline`: every detector, and every reading, roll-up, state and alarm committed effectively once.
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks import pipeline

_AS_IT_COMES = "default_bank"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much and how often."""
    pipeline.add_arguments(parser)
    parser.set_defaults(modes=_AS_IT_COMES)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Bring up a plant, fill a topic, measure; `ratio` is the median over the rounds."""
    figures = pipeline.run(args)
    return {**figures, "ratio": figures[f"ratio_{_AS_IT_COMES}"]}
