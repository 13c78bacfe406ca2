"""controlroom: a factory's control room in one terminal program."""

__version__ = "0.1.0"
