from controlroom.core.reading_template cimport ReadingTemplate
from controlroom.core.rollups cimport Bucket


cdef class Slot:
    cdef public object sensor_id
    cdef public object facts
    cdef public object bank
    cdef public object place
    cdef public object unit_as_sent
    cdef public object sensor_type
    cdef public object unit
    cdef public object location
    cdef public object warning
    cdef public object critical
    cdef public object origin
    cdef public object fault_id
    cdef public Bucket bucket
    cdef public double bucket_start
    cdef public double clock
    cdef public double arrived
    cdef public double deadline
    cdef public long long count
    cdef public long long source
    cdef public long long saved
    cdef public bint dirty
    cdef public ReadingTemplate template
    cdef public long long misses
