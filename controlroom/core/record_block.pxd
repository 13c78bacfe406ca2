cdef struct Entry:
    long long offset
    long long timestamp
    const char *key  # NULL: the record has none; likewise the value
    const char *value
    const char *headers
    const char *end
    Py_ssize_t key_size
    Py_ssize_t value_size
    Py_ssize_t header_count


cdef class Store:
    cdef Entry *entries
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef list held
    cdef list objects
    cdef Entry *more(self) except NULL


cdef class RecordBlock:
    cdef Store store
    cdef Py_ssize_t first
    cdef Py_ssize_t size
    cdef Entry *entry(self, Py_ssize_t index) noexcept
    cdef object headers_of(self, Py_ssize_t index)
    cdef object record(self, Py_ssize_t index)
