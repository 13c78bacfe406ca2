"""Attributes of a msgspec Struct stored as those of any other class with slots."""

from __future__ import annotations

from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


def plain_stores(cls: type[S]) -> type[S]:
    """A Struct whose attributes are stored at a quarter of the cost; for detectors, which store dozens a reading.

    A Struct has a way of its own to store, which tells the garbage collector of what it begins to hold. Where there is
    nothing to tell, since the collector does not look at the class, `object`'s does the same, and the interpreter
    knows a short way for it (PEP 659).

    Raises:
        TypeError: the class is frozen, or the collector looks at it.

    >>> @plain_stores
    ... class Mean(msgspec.Struct, gc=False):
    ...     value: float = 0.0
    >>> mean = Mean()
    >>> mean.value = 2.0
    >>> mean
    Mean(value=2.0)
    """
    config = cls.__struct_config__
    if config.gc or config.frozen:
        raise TypeError(f"{cls.__name__} must be made with gc=False, and not frozen")
    # Both: they are one slot of the type, which is `object`'s only if neither is another's.
    cls.__setattr__ = object.__setattr__  # type: ignore[method-assign]
    cls.__delattr__ = object.__delattr__  # type: ignore[method-assign]
    return cls
