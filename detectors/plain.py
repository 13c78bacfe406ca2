"""What detectors share: Structs whose attributes are stored quickly, and how they are saved."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


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


def whole(x: float, unit: float) -> float:
    """How many whole units are in `x`, rounded down. Not compiled: C divides and rounds, which is not the same."""
    return x // unit


def packed(state: object) -> bytes:
    """A state as msgpack: an array of its fields; the same bytes whether the detectors are compiled or not."""
    return msgspec.msgpack.encode(state, enc_hook=_packed)


def unpacked(data: bytes, begin: int, kind: type[T]) -> T:
    """A state from msgpack, which begins at the index `begin` of the bytes.

    Raises:
        msgspec.DecodeError: the bytes are no such state.
    """
    return msgspec.msgpack.decode(memoryview(data)[begin:], type=kind, dec_hook=_restored)


# A Struct is written and read by msgspec; an extension type does so by itself, with these methods.


def packed_bank(state: msgspec.Struct) -> bytes:
    """As `packed`, of a state that may be an extension type."""
    if isinstance(state, msgspec.Struct):
        return msgspec.msgpack.encode(state)
    return state.packed()  # type: ignore[unreachable]


def unpacked_bank(data: bytes, begin: int, fresh: T) -> T:
    """As `unpacked`; an extension type fills `fresh`, a new state, which saves it to make another.

    Raises:
        ValueError: the bytes are no such state.
    """
    if isinstance(fresh, msgspec.Struct):
        return unpacked(data, begin, type(fresh))
    return fresh.filled(data, begin)  # type: ignore[attr-defined, no-any-return]


def _packed(state: Any) -> msgspec.Raw:  # noqa: ANN401 - as msgspec calls it
    return msgspec.Raw(state.packed())


def _restored(kind: Any, fields: Any) -> Any:  # noqa: ANN401 - as msgspec calls it
    return kind.restored(fields)
