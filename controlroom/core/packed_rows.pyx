"""Rows of `readings`, packed once as PostgreSQL's binary COPY takes them: each field is its length and its value."""

from libc.math cimport rint
from libc.stdint cimport uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from struct import Struct

#: PostgreSQL counts microseconds from 2000-01-01, in seconds since the epoch
cdef double _EPOCH_S = 946_684_800.0
#: of a row, less its sensor's name: what varies, with the lengths of these fields

cdef Py_ssize_t _VARYING = 6 * 4 + 5 * 8 + 4
_FIXED = Struct("!qiqiqi")
_VALUES = Struct("!difiq")

cdef class PackedRows:
    """Rows of one partition, in order; iterated, they are tuples as `ReadingRow` says.

    Args:
        topic: the same in all rows, likewise `part`.
        columns: how many fields a row has.
    """

    def __cinit__(self, str topic, int part, int columns=9):
        name = topic.encode()
        self.head = Struct(f"!hi{len(name)}siii").pack(columns, len(name), name, 4, part, 8)

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.count

    def __iter__(self):
        at, skipped = 0, PyBytes_GET_SIZE(self.head)
        data = memoryview(self.rows())
        while at < len(data):
            at += skipped
            offset, _, log_us, _, event_us, length = _FIXED.unpack_from(data, at)
            at += _FIXED.size
            sensor = bytes(data[at : at + length]).decode()
            at += length + 4
            value, _, quality, _, number = _VALUES.unpack_from(data, at)
            at += _VALUES.size
            yield offset, log_us / 1e6 + _EPOCH_S, event_us / 1e6 + _EPOCH_S, sensor, value, quality, number

    def __eq__(self, other):
        return list(self) == list(other)

    def rows(self):
        """All rows, without what stands before and after them."""
        return PyBytes_FromStringAndSize(self.data, self.size)

    def append(self, row):
        """Add one row, a tuple as `ReadingRow` says."""
        offset, log_s, event_s, sensor_id, value, quality, number = row
        name = sensor_id.encode()
        self.add(offset, log_s, event_s, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name), value, quality, number)

    cdef int add(
        self, long long offset, double log_s, double event_s, const char *sensor, Py_ssize_t sensor_size, double value,
        double quality, long long number,
    ) except -1:
        cdef Py_ssize_t head_size = PyBytes_GET_SIZE(self.head)
        cdef Py_ssize_t needed = self.size + head_size + _VARYING + sensor_size
        cdef Py_ssize_t room
        cdef void *moved
        cdef char *p
        cdef float narrow = <float> quality
        if needed > self.room:
            room = max(needed, 2 * self.room, 4096)
            moved = realloc(self.data, room)
            if moved == NULL:
                raise MemoryError
            self.data = <char *> moved
            self.room = room
        p = self.data + self.size
        memcpy(p, PyBytes_AS_STRING(self.head), head_size)
        p = _put8(p + head_size, <uint64_t> offset)
        p = _put8(_put4(p, 8), <uint64_t> <long long> rint((log_s - _EPOCH_S) * 1e6))
        p = _put8(_put4(p, 8), <uint64_t> <long long> rint((event_s - _EPOCH_S) * 1e6))
        p = _put4(p, <uint32_t> sensor_size)
        memcpy(p, sensor, sensor_size)
        p = _put4(p + sensor_size, 8)
        p = _put8(p, (<uint64_t *> &value)[0])
        p = _put4(_put4(p, 4), (<uint32_t *> &narrow)[0])
        p = _put8(_put4(p, 8), <uint64_t> number)
        self.size = p - self.data
        self.count += 1
        return 0

cdef inline char *_put4(char *p, uint32_t number) noexcept:
    cdef int index
    for index in range(4):
        p[index] = <char> ((number >> (24 - 8 * index)) & 0xFF)
    return p + 4

cdef inline char *_put8(char *p, uint64_t number) noexcept:
    cdef int index
    for index in range(8):
        p[index] = <char> ((number >> (56 - 8 * index)) & 0xFF)
    return p + 8
