cdef class Bucket:
    cdef public long long count
    cdef public long long bad
    cdef public double low
    cdef public double high
    cdef public double mean
    cdef public double m2
    cdef public double last
    cdef public double last_s
    cpdef add(self, double event_s, double value, double quality)
