"""The summary of all sensors: workers write it, consoles read it instead of every reading."""
