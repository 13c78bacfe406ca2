"""Recorded series with labelled windows: the score and the alarms by family, with families left out in turn.

A corpus is a directory with `labels.json` ({"family/file.csv": [[first, last timestamp of a window], ...]}) and CSV
files with the columns `timestamp,value`, read as `backtest` reads them. Figures that count were measured on a family
that had no part in choosing: the threshold of the score is that of all other families, and so is the limit of the
alarms. The reference is a detector of sixty lines that comes with the scorers: its score likewise, its alarms with the
limit fixed at 1. Beside both scores stands the one at the threshold that suits the family itself best.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import _recorded_table
from compiled import state
from controlroom.tabular import Selection, Table
from detectors import Profile, SensorBank, novelty, rarity, record, score_stream, weekly

DAY_S = 86_400.0
#: Limits of the alarms that are tried when one family is left out: what `detectors.novelty.LIMIT` is chosen from.
LIMITS = (0.86, 0.90, 0.94, 0.98, 1.02)
#: Thresholds of the score that are tried.
THRESHOLDS = tuple(i / 100 for i in range(5, 96))
#: Every constant of what judges these series.
CONSTANTS: tuple[tuple[ModuleType, str], ...] = (
    (novelty, "SMOOTH"), (novelty, "COOL_DOWN"), (novelty, "HIGHER"), (novelty, "RETURNS"), (novelty, "STILL"),
    (novelty, "HABIT"), (rarity, "WARM"), (rarity, "MEMORY"), (rarity, "FULL"), (record, "WARM"), (record, "RATE"),
    (record, "SPREADS"), (record, "MOST"), (weekly, "RATE"), (weekly, "SMOOTH"), (novelty, "LIMIT"),
)  # fmt: skip


class Series(NamedTuple):
    """One recorded file: times in seconds since the epoch, values in the sensor's unit."""

    times: list[float]
    values: list[float]

    @property
    def days(self) -> float:
        """Days of recorded time."""
        return max(0.0, self.times[-1] - self.times[0]) / DAY_S


Rows = dict[str, NDArray[np.float64]]


class Corpus:
    """One corpus: its series, and the scorer's layout of each family."""

    def __init__(self, scorer: ModuleType, path: Path) -> None:
        self.name = path.name
        self._scorer = scorer
        self._path = path
        names = json.loads((path / "labels.json").read_text())
        self.families = sorted({name.partition("/")[0] for name in names})
        self.layouts = {family: scorer.Corpus(str(path), patterns=[f"{family}/*"]) for family in self.families}
        self.series = {name: self._read(name) for layout in self.layouts.values() for name in layout.names}

    def _read(self, name: str) -> Series:
        table = Table.open(self._path / name, name=name)
        # In the order of the file: the scorer's windows are places in it.
        rows = list(Selection(table, table.places(("value",)), as_is=True).rows())
        values = [value for row in rows for value in row.values if value is not None]
        return Series([row.time.timestamp() for row in rows], values)

    def days(self, family: str) -> float:
        """Sensor-days of a family."""
        return sum(self.series[name].days for name in self.layouts[family].names)

    def layout(self, families: list[str]) -> Any:  # noqa: ANN401 - the scorer has no types
        """The scorer's layout of several families together."""
        return self._scorer.Corpus(str(self._path), patterns=[f"{family}/*" for family in families])


class Alarms(NamedTuple):
    """What an operator sees: windows with an alarm, windows, runs of false alarms, sensor-days."""

    found: int
    windows: int
    false: int
    days: float

    @property
    def precision(self) -> float:
        """Found windows over found windows and false alarms."""
        return self.found / (self.found + self.false) if self.found else 0.0

    @property
    def recall(self) -> float:
        """Found windows over all windows."""
        return self.found / self.windows if self.windows else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2.0 * self.precision * self.recall / (self.precision + self.recall) if self.found else 0.0

    def figures(self) -> dict[str, float]:
        """As JSON."""
        return {
            "f1": self.f1, "precision": self.precision, "recall": self.recall, "false_a_day": self.false / self.days,
        }  # fmt: skip


def together(parts: list[Alarms]) -> Alarms:
    """The sum of several."""
    found, windows, false, days = (sum(column) for column in zip(*parts, strict=True))
    return Alarms(found, windows, false, days)


def run(scorer: ModuleType, reference: ModuleType | None, paths: list[Path], *, spread: bool) -> dict[str, Any]:
    """Measure all corpora, print the tables, return the figures."""
    if spread and state().used:
        raise SystemExit("compiled detectors know their constants as numbers: set CONTROLROOM_COMPILED=0 for --spread")
    corpora = [Corpus(scorer, path) for path in paths]
    ours = [_scored(corpus) for corpus in corpora]
    by_limit: dict[float, list[dict[str, Alarms]]] = {}
    for limit in LIMITS:
        with constant(novelty, "LIMIT", limit):
            by_limit[limit] = [_alarms(corpus, _scored(corpus)[1]) for corpus in corpora]
    figures: dict[str, Any] = {"us_per_reading": _cost(corpora[0])}
    peers = [_reference(reference, corpus) for corpus in corpora] if reference is not None else []
    for place, (corpus, (scores, rows)) in enumerate(zip(corpora, ours, strict=True)):
        alarms = _alarms(corpus, rows)
        table: dict[str, Any] = {
            family: {**_score(corpus.layouts[family], scores), **alarms[family].figures()} for family in corpus.families
        }
        if peers:
            peer, peer_rows = peers[place]
            peer_alarms = _alarms(corpus, peer_rows)
            for family in corpus.families:
                table[family]["reference"] = {
                    **_score(corpus.layouts[family], peer), **peer_alarms[family].figures(),
                    **_score_left_out(corpora, [scores for scores, _ in peers], place, family),
                }  # fmt: skip
        left_out = _left_out(corpus, corpora, [scores for scores, _ in ours], by_limit)
        figures[corpus.name] = {"families": table, "left_out": left_out}
        _recorded_table.show(corpus.name, figures[corpus.name])
    print(f"{figures['us_per_reading']:.1f} µs a reading\n")
    if spread:
        figures["spread"] = _spread(corpora)
    return figures


@contextmanager
def constant(module: ModuleType, name: str, value: float) -> Iterator[None]:
    """A constant of a detector has another value for a while."""
    was, was_at = getattr(module, name), novelty.AT_LIMIT
    setattr(module, name, value)
    if name == "LIMIT":
        novelty.AT_LIMIT = novelty.at_limit(value)
    try:
        yield
    finally:
        setattr(module, name, was)
        novelty.AT_LIMIT = was_at


def _scored(corpus: Corpus) -> tuple[Rows, Rows]:
    """The default bank: the score of each row, and 1 where an alarm was raised."""
    scores: Rows = {}
    alarms: Rows = {}
    for name, series in corpus.series.items():
        results = list(score_stream(zip(series.times, series.values, strict=True)))
        scores[name] = np.array([result.score for result in results])
        alarms[name] = np.array([float(any(finding.level for finding in result.findings)) for result in results])
    return scores, alarms


def _reference(module: ModuleType, corpus: Corpus) -> tuple[Rows, Rows]:
    scores: Rows = {}
    for name, series in corpus.series.items():
        detector = module.Detector()
        scores[name] = np.array([detector.update(t, x) for t, x in zip(series.times, series.values, strict=True)])
    alarms = {name: (rows >= 1.0).astype(float) for name, rows in scores.items()}
    # Spread as ours are, for which `THRESHOLDS` are fine enough.
    return {name: rows**6 / (1.0 + rows**6) for name, rows in scores.items()}, alarms


def _best(layout: Any, scores: Rows) -> tuple[float, float]:  # noqa: ANN401 - the scorer has no types
    """The threshold at which these families score best, and that score."""
    threshold, score = layout.best(layout.flat([scores[name] for name in layout.names]), "standard")
    return threshold, score


def _score(layout: Any, scores: Rows) -> dict[str, float]:  # noqa: ANN401 - the scorer has no types
    """The best score of a family; one without windows has none."""
    return {"score": _best(layout, scores)[1]} if layout.nwin else {}


def _alarms(corpus: Corpus, rows: Rows) -> dict[str, Alarms]:
    found = {}
    for family, layout in corpus.layouts.items():
        # Of a family without windows the scorer knows no score, and none is asked for here.
        flat = layout.flat([rows[name] for name in layout.names])
        hit = flat >= 0.5
        false = np.flatnonzero(hit & (layout.win < 0))
        runs = 0
        if len(false):
            apart = (np.diff(layout.fid[false]) != 0) | (np.diff(layout.pos[false]) > 5)
            runs = 1 + int(apart.sum())
        windows = np.unique(layout.win[hit & (layout.win >= 0)])
        found[family] = Alarms(len(windows), layout.nwin, runs, corpus.days(family))
    return found


def _left_out(
    corpus: Corpus, corpora: list[Corpus], scores: list[Rows], by_limit: dict[float, list[dict[str, Alarms]]]
) -> dict[str, Any]:
    """Each family at the threshold, and at the limit of alarms, that are best for all other families."""
    families: dict[str, Any] = {}
    alarms: list[Alarms] = []
    raw, windows = 0.0, 0
    place = corpora.index(corpus)
    for family in corpus.families:
        layout = corpus.layouts[family]
        limit = max(by_limit, key=lambda each: _others_f1(corpora, by_limit[each], place, family))
        alarms.append(by_limit[limit][place][family])
        families[family] = {"limit": limit, **alarms[-1].figures()}
        if layout.nwin:
            families[family]["score"] = _score_left_out(corpora, scores, place, family)["left_out"]
            raw += families[family]["score"] * layout.nwin
            windows += layout.nwin
    return {
        "score": raw / windows,
        "worst": min((each["score"], name) for name, each in families.items() if "score" in each)[1],
        **together(alarms).figures(),
        "families": families,
    }


def _score_left_out(corpora: list[Corpus], scores: list[Rows], place: int, family: str) -> dict[str, float]:
    """The score of a family at the threshold that is best for all others; one without windows has none."""
    layout = corpora[place].layouts[family]
    if not layout.nwin:
        return {}
    flat = layout.flat([scores[place][name] for name in layout.names])
    threshold = _others_threshold(corpora, scores, place, family)
    return {"left_out": layout.at(flat, threshold, "standard")["score"]}


def _others_threshold(corpora: list[Corpus], scores: list[Rows], place: int, family: str) -> float:
    """The threshold at which all families but one score best, the mean over the corpora."""
    layouts = []
    for i, corpus in enumerate(corpora):
        others = [each for each in corpus.families if (i, each) != (place, family)]
        layout = corpus.layout(others)
        layouts.append((layout, layout.flat([scores[i][name] for name in layout.names])))
    return max(
        THRESHOLDS, key=lambda each: statistics.fmean(layout.at(flat, each)["score"] for layout, flat in layouts)
    )


def _others_f1(corpora: list[Corpus], alarms: list[dict[str, Alarms]], place: int, family: str) -> float:
    """The mean over the corpora of the F1 of all families but one."""
    kept = [
        [alarms[i][each] for each in corpus.families if (i, each) != (place, family)]
        for i, corpus in enumerate(corpora)
    ]
    return statistics.fmean(together(parts).f1 for parts in kept if parts)


def _cost(corpus: Corpus) -> float:
    """Processor time of a reading, µs, as the plant has it: nobody asks for the score."""
    cost = []
    for series in corpus.series.values():
        observe = SensorBank(Profile()).observe
        began = time.process_time()
        for t, value in zip(series.times, series.values, strict=True):
            observe(0, t, t, value)
        cost.append((time.process_time() - began) / len(series.values) * 1e6)
    return statistics.median(cost)


def _spread(corpora: list[Corpus]) -> dict[str, Any]:
    """Every constant moved by a fifth, both ways: what becomes of the scores and of the alarms' F1."""
    out: dict[str, Any] = {}
    print("every constant moved by a fifth: score and alarms' F1 of each corpus")
    for module, name in CONSTANTS:
        was = getattr(module, name)
        for factor in (0.8, 1.2):
            value = int(was * factor) if isinstance(was, int) else was * factor
            with constant(module, name, value):
                row = {}
                for corpus in corpora:
                    scores, rows = _scored(corpus)
                    _, score = _best(corpus.layout(corpus.families), scores)
                    alarms = together(list(_alarms(corpus, rows).values()))
                    row[corpus.name] = {"score": score, "f1": alarms.f1, "false_a_day": alarms.false / alarms.days}
            label = f"{module.__name__.rpartition('.')[2]}.{name} {value:.4g}"
            out[label] = row
            print(f"  {label:26s} " + "   ".join(f"{c} {r['score']:.1f} {r['f1']:.2f}" for c, r in row.items()))
    return out
