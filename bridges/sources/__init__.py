"""The sources, one file each: its table in the bridge's file, and what takes its messages."""
