"""The plant as a tree: section, zone, machine, sensor, from where each sensor says that it is."""
