"""How extension types write their fields as msgpack, and read them: the bytes that msgspec makes of a Struct."""


cdef class Packer:
    cdef unsigned char *_data
    cdef Py_ssize_t _size
    cdef Py_ssize_t _at
    cdef int _room(self, Py_ssize_t more) except -1
    cdef int _head(self, unsigned char code, unsigned long long value, int width) except -1
    cdef int array(self, Py_ssize_t count) except -1
    cdef int real(self, double x) except -1
    cdef int whole(self, long long n) except -1
    cdef int truth(self, bint yes) except -1
    cdef int any(self, object value) except -1


cdef class Unpacker:
    cdef bytes _kept
    cdef const unsigned char *_data
    cdef Py_ssize_t _size
    cdef Py_ssize_t _at
    cdef const unsigned char *_take(self, Py_ssize_t count) except NULL
    cdef unsigned long long _number(self, int width) except? 77
    cdef Py_ssize_t array(self) except -1
    cdef double real(self) except? -1.0
    cdef long long whole(self) except? -1
    cdef bint truth(self) except -1
    cdef object any(self)
    cdef int rest(self, Py_ssize_t count) except -1
