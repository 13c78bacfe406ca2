"""Backtest: recorded readings through the same detectors as the plant's, without a plant; what they would have raised.

`series` is what is watched, `watch` runs it, `labels` says what was really wrong, `measure` how well that was found.
"""
