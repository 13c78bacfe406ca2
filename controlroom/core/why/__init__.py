"""Why an alarm was raised: the curve around it, each detector's evidence, and earlier occurrences of the same alarm."""
