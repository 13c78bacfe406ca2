"""A sensor's readings, told by what its last one looked like: what is constant is compared, what varies is parsed.

It is as good as `decode_reading` for bytes that it takes, and takes only what is usual: everything else is declined, and
`decode_reading` decides. So there are no rules of the wire here but one: what `decode_reading` has taken once, it takes
again when nothing but the time, the value, its quality, its level and its number differ, and these are good.
"""

from libc.string cimport memchr, memcmp, memcpy
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.exc cimport PyErr_Clear, PyErr_Occurred

from controlroom.wire.codec import MAX_BYTES

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *s, char **endptr, PyObject *overflow_exception) except? -1.0
    ctypedef struct PyObject

cdef Py_ssize_t _MAX_BYTES = MAX_BYTES
cdef double _LARGEST = 1e15
cdef long long _MOST = 1LL << 53
cdef double[23] _TENS
for _power in range(23):
    _TENS[_power] = float(10**_power)
cdef int[13] _DAYS_BEFORE = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
cdef int[13] _DAYS_OF = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


def template_of(bytes raw):
    """What the next readings of the sensor of `raw`, a good one, are compared with; None if it is not usual enough."""
    cdef ReadingTemplate template = ReadingTemplate.__new__(ReadingTemplate)
    cdef const char *text = PyBytes_AS_STRING(raw)
    cdef const char *end = text + len(raw)
    cdef const char *p
    template.text = raw
    p = _object(template, _after_space(text, end), end, True)
    if p == NULL or not template.add(p - text, end - text, c"e"):
        return None
    return template


def parsed_by(ReadingTemplate template, bytes raw):
    """(event time, value, quality, number) of a reading; None: declined."""
    cdef Parsed parsed
    if not template.match(PyBytes_AS_STRING(raw), len(raw), &parsed):
        return None
    return parsed.event_s, parsed.value, parsed.quality, parsed.count


cdef class ReadingTemplate:
    """Made by `template_of`: the constant pieces of a reading's text, each with the sort of what follows it."""

    cdef bint add(self, Py_ssize_t start, Py_ssize_t after, char sort) noexcept:
        """What varies is `text[start:after]`, of this sort; the piece is what stands before it."""
        cdef int index
        if sort == c"e":
            start = after
        for index in range(self.pieces):
            # The last one counts of two; whoever writes so is left to others.
            if self.piece[index].sort == sort:
                return False
        self.piece[self.pieces].start = self.end
        self.piece[self.pieces].size = start - self.end
        self.piece[self.pieces].sort = sort
        self.pieces += 1
        self.end = after
        return True

    cdef bint match(self, const char *raw, Py_ssize_t size, Parsed *parsed) noexcept:
        cdef const char *p = raw
        cdef const char *end = raw + size
        cdef const char *text = PyBytes_AS_STRING(self.text)
        cdef double number = 0.0
        cdef long long whole = 0
        cdef bint is_whole = False
        cdef int index
        cdef Piece *piece
        if size > _MAX_BYTES:
            return False
        parsed.quality = 1.0
        parsed.count = 0
        for index in range(self.pieces):
            piece = &self.piece[index]
            if end - p < piece.size or memcmp(p, text + piece.start, piece.size) != 0:
                return False
            p += piece.size
            if piece.sort == c"t":
                p = _time(p, end, &parsed.event_s)
            elif piece.sort == c"l":
                p = _level(p, end)
            elif piece.sort == c"e":
                return p == end
            else:
                p = _number(p, end, &number, &whole, &is_whole)
                if p == NULL:
                    return False
                if piece.sort == c"v":
                    if not -_LARGEST <= number <= _LARGEST:
                        return False
                    parsed.value = number
                elif piece.sort == c"q":
                    if not 0.0 <= number <= 1.0:
                        return False
                    parsed.quality = number
                else:
                    if not is_whole or not 0 <= whole <= _MOST:
                        return False
                    parsed.count = whole
            if p == NULL:
                return False
        return False


cdef const char *_object(ReadingTemplate template, const char *p, const char *end, bint is_reading) noexcept:
    """Where it goes on after an object of good JSON, a reading or its metadata; NULL: it is not usual."""
    cdef const char *name
    cdef const char *start
    cdef Py_ssize_t size
    cdef char sort
    cdef bint first = True
    if p >= end or p[0] != c"{":
        return NULL
    p = _after_space(p + 1, end)
    while p < end and p[0] != c"}":
        if not first:
            if p[0] != c",":
                return NULL
            p = _after_space(p + 1, end)
        first = False
        name = p + 1
        p = _after_value(p, end)
        if p == NULL or name[-1] != c'"' or memchr(name, c"\\", p - name) != NULL:
            return NULL
        size = p - 1 - name
        p = _after_space(p, end)
        if p >= end or p[0] != c":":
            return NULL
        start = p = _after_space(p + 1, end)
        sort = _sort_of(name, size, is_reading)
        if sort == c"m":
            if template.has_metadata:
                return NULL
            template.has_metadata = True
            p = _object(template, p, end, False)
        else:
            p = _after_value(p, end)
            if p != NULL and sort and not template.add(start - _text(template), p - _text(template), sort):
                return NULL
        if p == NULL:
            return NULL
        p = _after_space(p, end)
    return p + 1 if p < end else NULL


cdef inline const char *_text(ReadingTemplate template) noexcept:
    return PyBytes_AS_STRING(template.text)


cdef char _sort_of(const char *name, Py_ssize_t size, bint is_reading) noexcept:
    """Of a field that varies what it is, `m` of the metadata, 0 of all others."""
    if not is_reading:
        return c"n" if size == 13 and memcmp(name, b"reading_count", 13) == 0 else 0
    if size == 9 and memcmp(name, b"timestamp", 9) == 0:
        return c"t"
    if size == 5 and memcmp(name, b"value", 5) == 0:
        return c"v"
    if size == 7 and memcmp(name, b"quality", 7) == 0:
        return c"q"
    if size == 11 and memcmp(name, b"alert_level", 11) == 0:
        return c"l"
    return c"m" if size == 8 and memcmp(name, b"metadata", 8) == 0 else 0


cdef inline const char *_after_space(const char *p, const char *end) noexcept:
    while p < end and (p[0] == c" " or p[0] == c"\t" or p[0] == c"\n" or p[0] == c"\r"):
        p += 1
    return p


cdef const char *_after_value(const char *p, const char *end) noexcept:
    """Where it goes on after a value of good JSON, of any kind; NULL: it does not end."""
    cdef int depth = 0
    cdef const char *start = p
    while p < end:
        if p[0] == c'"':
            p += 1
            while p < end and p[0] != c'"':
                p += 2 if p[0] == c"\\" else 1
            if p >= end:
                return NULL
            p += 1
        elif p[0] == c"{" or p[0] == c"[":
            depth += 1
            p += 1
        elif p[0] == c"}" or p[0] == c"]":
            if depth == 0:
                return NULL
            depth -= 1
            p += 1
        elif depth:
            p += 1
            continue
        else:
            while p < end and p[0] not in (c",", c"}", c"]", c" ", c"\t", c"\n", c"\r", c":"):
                p += 1
            return p if p > start else NULL
        if depth == 0:
            return p
    return NULL


cdef const char *_number(const char *p, const char *end, double *found, long long *whole, bint *is_whole) noexcept:
    """Where it goes on after a number of JSON; NULL: it is none, or not a usual one. Rounded as Python rounds."""
    cdef const char *start = p
    cdef bint negative = False
    cdef unsigned long long digits = 0
    cdef int significant = 0, power = 0, exponent = 0
    cdef bint minus = False
    cdef const char *mark
    cdef char copy[64]
    cdef double number
    if p < end and p[0] == c"-":
        negative = True
        p += 1
    mark = p
    while p < end and c"0" <= p[0] <= c"9":
        if digits or p[0] != c"0":
            significant += 1
            if significant <= 18:
                digits = digits * 10 + <unsigned long long> (p[0] - c"0")
        p += 1
    if p == mark or (mark[0] == c"0" and p - mark > 1):
        return NULL
    is_whole[0] = p >= end or (p[0] != c"." and p[0] != c"e" and p[0] != c"E")
    if is_whole[0]:
        # Python's 0 has no sign, and a whole number of more digits is not exact as a float.
        if significant > 15 or (negative and digits == 0):
            return NULL
        whole[0] = -<long long> digits if negative else <long long> digits
        found[0] = <double> whole[0]
        return p
    if p[0] == c".":
        p += 1
        mark = p
        while p < end and c"0" <= p[0] <= c"9":
            if digits or p[0] != c"0":
                significant += 1
                if significant <= 18:
                    digits = digits * 10 + <unsigned long long> (p[0] - c"0")
            power -= 1
            p += 1
        if p == mark:
            return NULL
    if p < end and (p[0] == c"e" or p[0] == c"E"):
        p += 1
        if p < end and (p[0] == c"+" or p[0] == c"-"):
            minus = p[0] == c"-"
            p += 1
        mark = p
        while p < end and c"0" <= p[0] <= c"9":
            if p - mark > 3:
                return NULL
            exponent = exponent * 10 + (p[0] - c"0")
            p += 1
        if p == mark:
            return NULL
        power += -exponent if minus else exponent
    # Both are exact as floats, so the one division or multiplication rounds once, as it must (Clinger, 1990).
    if significant <= 15 and -22 <= power <= 22:
        number = <double> digits
        number = number / _TENS[-power] if power < 0 else number * _TENS[power]
        found[0] = -number if negative else number
        return p
    if p - start >= 64:
        return NULL
    memcpy(copy, start, p - start)
    copy[p - start] = 0
    return p if _as_python(copy, found) else NULL


cdef bint _as_python(const char *text, double *found) noexcept:
    try:
        found[0] = PyOS_string_to_double(text, NULL, NULL)
    except ValueError:
        return False
    return True


cdef inline int _digits(const char *p, int count) noexcept:
    """The number that `count` digits are; negative: there are others."""
    cdef int number = 0, index
    for index in range(count):
        if not c"0" <= p[index] <= c"9":
            return -1_000_000
        number = number * 10 + (p[index] - c"0")
    return number


cdef const char *_time(const char *p, const char *end, double *found) noexcept:
    """Where it goes on after a time of RFC 3339; NULL: it is none, or not as nearly all are written."""
    cdef int year, month, day, hour, minute, second, places = 0, zone = 0, hours, minutes
    cdef long long days, fraction = 0
    cdef bint leap
    if end - p < 22 or p[0] != c'"' or p[5] != c"-" or p[8] != c"-" or p[11] != c"T" or p[14] != c":" or p[17] != c":":
        return NULL
    year, month, day = _digits(p + 1, 4), _digits(p + 6, 2), _digits(p + 9, 2)
    hour, minute, second = _digits(p + 12, 2), _digits(p + 15, 2), _digits(p + 18, 2)
    # Up to then microseconds since 1970 are exact as floats.
    if not (1970 <= year <= 2200 and 1 <= month <= 12 and 0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return NULL
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS_OF[month] + (1 if leap and month == 2 else 0):
        return NULL
    p += 20
    if p[0] == c".":
        p += 1
        while p < end and c"0" <= p[0] <= c"9":
            if places == 6:
                return NULL
            fraction = fraction * 10 + (p[0] - c"0")
            places += 1
            p += 1
        if places == 0:
            return NULL
        while places < 6:
            fraction *= 10
            places += 1
    if end - p < 2:
        return NULL
    if p[0] == c"Z":
        p += 1
    else:
        if (p[0] != c"+" and p[0] != c"-") or end - p < 7 or p[3] != c":":
            return NULL
        hours, minutes = _digits(p + 1, 2), _digits(p + 4, 2)
        if not (0 <= hours <= 23 and 0 <= minutes <= 59):
            return NULL
        zone = (hours * 60 + minutes) * (-1 if p[0] == c"-" else 1)
        p += 6
    if p[0] != c'"':
        return NULL
    days = 365 * (year - 1970) + (year - 1969) // 4 - (year - 1901) // 100 + (year - 1601) // 400
    days += _DAYS_BEFORE[month] + (1 if leap and month > 2 else 0) + day - 1
    found[0] = (
        <double> ((((days * 24 + hour) * 60 + minute - zone) * 60 + second) * 1_000_000 + fraction) / 1_000_000.0
    )
    return p + 1


cdef const char *_level(const char *p, const char *end) noexcept:
    if end - p >= 8 and memcmp(p, b'"normal"', 8) == 0:
        return p + 8
    if end - p >= 9 and memcmp(p, b'"warning"', 9) == 0:
        return p + 9
    if end - p >= 10 and memcmp(p, b'"critical"', 10) == 0:
        return p + 10
    return NULL
