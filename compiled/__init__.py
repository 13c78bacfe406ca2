"""Compiled modules: which there are, how they are built, and whether this process uses them. Imports nothing of ours.

The `.py` file is the source of both: Python runs it as it is, Cython compiles it to C, with the types that the `.pxd`
file beside it declares. What was built lies in `compiled/lib`, apart from the sources. A package with compiled modules
asks for them in its `__init__`, before it imports one:

    from compiled import prefer
    prefer(__name__, __path__)

They are used if all sources are what they were built from. Else Python runs the sources, all of them: compiled modules
know the layout of each other's objects, so a part of them is never used.
"""

from compiled.state import State, prefer, state

__all__ = ["State", "prefer", "state"]
