"""The table of a corpus of recorded series: each family left out, beside the reference."""

from __future__ import annotations

from math import nan
from typing import Any


def show(name: str, figures: dict[str, Any]) -> None:
    """Print what `benchmarks._recorded` measured of a corpus."""
    left, families = figures["left_out"], figures["families"]
    print(
        f"{name}, each family left out: threshold and limit are those that suit all others; own: that suits itself best"
    )
    print(f"  {'family':24s}  score   own   F1  recall false/day limit   reference: score   own   F1 false/day")
    for family, row in left["families"].items():
        ours = (
            f"{row.get('score', nan):6.1f} {families[family].get('score', nan):5.1f} {_alarms(row)} {row['limit']:5.2f}"
        )
        print(f"  {family:24s} {ours}   {_beside(families[family].get('reference'))}")
    print(f"  {'all':24s} {left['score']:6.1f}       {_alarms(left)}   worst score: {left['worst']}\n")


def _alarms(row: dict[str, float]) -> str:
    return f"{row['f1']:5.2f} {row['recall']:6.2f} {row['false_a_day']:8.3f}"


def _beside(peer: dict[str, float] | None) -> str:
    if peer is None:
        return ""
    scores = f"{peer.get('left_out', nan):16.1f} {peer.get('score', nan):5.1f}"
    return f"{scores} {peer['f1']:4.2f} {peer['false_a_day']:9.3f}"
