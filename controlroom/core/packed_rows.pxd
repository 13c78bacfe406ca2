cdef class PackedRows:
    cdef char *data
    cdef Py_ssize_t size
    cdef Py_ssize_t room
    cdef Py_ssize_t count
    cdef bytes head
    cdef int add(
        self, long long offset, double log_s, double event_s, const char *sensor, Py_ssize_t sensor_size, double value,
        double quality, long long number,
    ) except -1
