import random

from detectors import Profile, score_stream


def series(count, seed=1):
    rng = random.Random(seed)
    return [(300.0 * i, 20.0 + rng.gauss(0, 1)) for i in range(count)]


def test_every_reading_has_a_score_and_time_need_not_advance():
    rows = [(0.0, 1.0), (0.0, 2.0), (-5.0, 3.0), *series(400)]
    results = list(score_stream(rows))
    assert [(r.t, r.value) for r in results] == rows
    assert all(0.0 <= r.score <= 1.0 for r in results)


def test_a_value_never_seen_scores_high_and_the_cool_down_keeps_the_next_ones_low():
    rows = [*series(2000), *((300.0 * (2000 + i), 60.0) for i in range(20))]
    scores = [r.score for r in score_stream(rows)]
    assert scores[2000] > 0.8
    assert sum(score > 0.6 for score in scores[2001:]) <= 2


def test_it_is_causal():
    rows = series(1200)
    whole = [r.score for r in score_stream(rows)]
    assert [r.score for r in score_stream(rows[:700])] == whole[:700]


def test_limits_of_the_profile_are_raised():
    results = score_stream([(0.0, 50.0)], Profile(warning_high=40.0))
    assert [f.kind for r in results for f in r.findings] == ["limit"]
