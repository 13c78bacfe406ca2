"""The pure heart: plant state, pipeline, alarm lifecycle, roll-ups. No I/O, no clock, no threads."""

from compiled import prefer

prefer(__name__, __path__)
