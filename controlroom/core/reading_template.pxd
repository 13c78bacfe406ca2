cdef struct Parsed:
    double event_s
    double value
    double quality
    long long count


cdef struct Piece:
    Py_ssize_t start
    Py_ssize_t size
    char sort


cdef class ReadingTemplate:
    cdef bytes text
    cdef Py_ssize_t end
    cdef bint has_metadata
    cdef int pieces
    cdef Piece piece[6]
    cdef bint add(self, Py_ssize_t start, Py_ssize_t after, char sort) noexcept
    cdef bint match(self, const char *raw, Py_ssize_t size, Parsed *parsed) noexcept
