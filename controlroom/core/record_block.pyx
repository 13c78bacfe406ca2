"""Records as places in the bytes that they were fetched with: an object is made only of a record that someone asks for.

The layout of a batch is Kafka's message format, version 2 (KIP-98): lengths are varints, zigzag-coded.
"""

from libc.stdlib cimport free, realloc
from libc.string cimport memset
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE


class Truncated(ValueError):
    """A batch whose bytes are not the records that it says it holds."""


cdef class FetchedRecord:
    """One record, by itself."""

    cdef readonly long long offset
    cdef readonly long long timestamp
    cdef readonly object key
    cdef readonly object value
    cdef readonly object headers

    def __repr__(self):
        return f"FetchedRecord(offset={self.offset}, timestamp={self.timestamp}, key={self.key!r})"


cdef class Store:
    """The entries, and what keeps their bytes; slices of a block share it."""

    def __cinit__(self):
        self.held = []

    def __dealloc__(self):
        free(self.entries)

    cdef Entry *more(self) except NULL:
        cdef Py_ssize_t room
        cdef void *moved
        if self.count == self.room:
            room = max(64, 2 * self.room)
            moved = realloc(self.entries, room * sizeof(Entry))
            if moved == NULL:
                raise MemoryError
            self.entries = <Entry *> moved
            self.room = room
        memset(&self.entries[self.count], 0, sizeof(Entry))
        self.count += 1
        return &self.entries[self.count - 1]


cdef class RecordBlock:
    """A sequence of records, in order of offset.

    Only one whose last record is the last that was added can be added to; slices of it stay as they are.
    """

    def __cinit__(self):
        self.store = Store()

    @staticmethod
    def of(records):
        """A block of records that are objects already."""
        if isinstance(records, RecordBlock):
            return records
        cdef RecordBlock block = RecordBlock()
        cdef Entry *entry
        block.store.objects = list(records)
        for record in block.store.objects:
            entry = block.store.more()
            entry.offset = record.offset
            entry.timestamp = record.timestamp
            key = record.key
            value = record.value
            block.store.held.append((key, value))
            if key is not None:
                entry.key = PyBytes_AS_STRING(<bytes?> key)
                entry.key_size = PyBytes_GET_SIZE(key)
            if value is not None:
                entry.value = PyBytes_AS_STRING(<bytes?> value)
                entry.value_size = PyBytes_GET_SIZE(value)
            entry.header_count = len(record.headers)
        block.size = block.store.count
        return block

    def add(self, bytes data, Py_ssize_t start, Py_ssize_t end, long long base, long long first_ms, append_ms,
            Py_ssize_t count, long long wanted):
        """Add the records of one batch whose bytes, uncompressed, are `data[start:end]`.

        Args:
            base: offset of the first.
            first_ms: what their times count from.
            append_ms: the time of all of them where the broker sets it, else None.
            count: how many there are.
            wanted: those of lower offsets are left out.

        Raises:
            Truncated: the bytes do not hold so many records.
        """
        cdef const char *p
        cdef const char *last
        cdef const char *ends
        cdef long long length, offset, when, number
        cdef bint by_broker = append_ms is not None
        cdef long long broker_ms = append_ms if by_broker else 0
        cdef Entry *entry
        cdef Entry made
        if self.first + self.size != self.store.count:
            raise ValueError("more was added already to what this is a part of")
        if start < 0 or end > PyBytes_GET_SIZE(data) or start > end:
            raise Truncated("a batch ends beyond what was fetched")
        p = PyBytes_AS_STRING(data) + start
        last = PyBytes_AS_STRING(data) + end
        self.store.held.append(data)
        while count > 0:
            count -= 1
            memset(&made, 0, sizeof(Entry))
            p = _varint(p, last, &length)
            if p == NULL or length < 1 or length > last - p:
                raise Truncated("a record is cut off")
            ends = p + length
            p = _varint(p + 1, ends, &when)  # the attributes of a record are not used
            p = _varint(p, ends, &offset)
            made.offset = base + offset
            made.timestamp = broker_ms if by_broker else first_ms + when
            p = _bytes(p, ends, &made.key, &made.key_size)
            p = _bytes(p, ends, &made.value, &made.value_size)
            p = _varint(p, ends, &number)
            if p == NULL or number < 0 or number > ends - p:
                raise Truncated("a record is not laid out as it must be")
            made.headers = p
            made.end = ends
            made.header_count = number
            if number and not _headers_are_sound(&made):
                raise Truncated("a record's headers are not laid out as they must be")
            p = ends
            if made.offset >= wanted:
                entry = self.store.more()
                entry[0] = made
                self.size += 1

    cdef Entry *entry(self, Py_ssize_t index) noexcept:
        return &self.store.entries[self.first + index]

    cdef object record(self, Py_ssize_t index):
        cdef Entry *entry = self.entry(index)
        cdef FetchedRecord record
        if self.store.objects is not None:
            return self.store.objects[self.first + index]
        record = FetchedRecord()
        record.offset = entry.offset
        record.timestamp = entry.timestamp
        record.key = PyBytes_FromStringAndSize(entry.key, entry.key_size) if entry.key != NULL else None
        record.value = PyBytes_FromStringAndSize(entry.value, entry.value_size) if entry.value != NULL else None
        record.headers = self.headers_of(index)
        return record

    cdef object headers_of(self, Py_ssize_t index):
        cdef Entry *entry = self.entry(index)
        cdef const char *p = entry.headers
        cdef const char *name
        cdef const char *text
        cdef Py_ssize_t name_size, size, number
        if self.store.objects is not None:
            return self.store.objects[self.first + index].headers
        headers = []
        for number in range(entry.header_count):
            p = _bytes(p, entry.end, &name, &name_size)
            p = _bytes(p, entry.end, &text, &size)
            if p == NULL or name == NULL:
                raise Truncated("a record's headers are not laid out as they must be")
            value = PyBytes_FromStringAndSize(text, size) if text != NULL else None
            headers.append((PyBytes_FromStringAndSize(name, name_size).decode("utf-8", "replace"), value))
        return headers

    def newest_by_key(self):
        """The last record of each key; no other record is made an object."""
        cdef Py_ssize_t index
        cdef Entry *entry
        found = {}
        for index in range(self.size - 1, -1, -1):
            entry = self.entry(index)
            key = PyBytes_FromStringAndSize(entry.key, entry.key_size) if entry.key != NULL else None
            if key not in found:
                found[key] = self.record(index)
        return found

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        cdef RecordBlock part
        if isinstance(index, slice):
            start, stop, step = index.indices(self.size)
            if step != 1:
                return [self.record(place) for place in range(start, stop, step)]
            part = RecordBlock.__new__(RecordBlock)
            part.store = self.store
            part.first = self.first + start
            part.size = max(0, stop - start)
            return part
        place = index + self.size if index < 0 else index
        if not 0 <= place < self.size:
            raise IndexError("there is no such record")
        return self.record(place)

    def __iter__(self):
        cdef Py_ssize_t index
        for index in range(self.size):
            yield self.record(index)


cdef inline const char *_varint(const char *p, const char *end, long long *number) noexcept:
    """Where it goes on after a number; NULL: it is cut off, or longer than 64 bits."""
    cdef unsigned long long found = 0
    cdef int shift = 0
    cdef unsigned char byte
    number[0] = 0
    if p == NULL:
        return NULL
    while p < end and shift < 64:
        byte = <unsigned char> p[0]
        p += 1
        found |= (<unsigned long long> (byte & 0x7F)) << shift
        if byte < 0x80:
            number[0] = <long long> (found >> 1) ^ -(<long long> (found & 1))
            return p
        shift += 7
    return NULL


cdef inline const char *_bytes(const char *p, const char *end, const char **text, Py_ssize_t *size) noexcept:
    """Where it goes on after bytes with their length before them; NULL: they are cut off. No text is NULL, too."""
    cdef long long length
    text[0] = NULL
    size[0] = 0
    p = _varint(p, end, &length)
    if p == NULL or length < 0:
        return p
    if length > end - p:
        return NULL
    text[0] = p
    size[0] = <Py_ssize_t> length
    return p + length


cdef bint _headers_are_sound(Entry *entry) noexcept:
    cdef const char *p = entry.headers
    cdef const char *name
    cdef const char *text
    cdef Py_ssize_t size, number
    for number in range(entry.header_count):
        p = _bytes(p, entry.end, &name, &size)
        if p == NULL or name == NULL:
            return False
        p = _bytes(p, entry.end, &text, &size)
    return p != NULL
