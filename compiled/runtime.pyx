from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

cdef extern from *:
    """
    typedef union { double real; unsigned long long bits; } controlroom_bits;
    #if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define controlroom_big(x) __builtin_bswap64(x)
    #else
    #define controlroom_big(x) (x)
    #endif
    """
    unsigned long long controlroom_big(unsigned long long bits)
    ctypedef union controlroom_bits:
        double real
        unsigned long long bits


cdef class Packer:
    """Appends values to a block of bytes."""

    def __dealloc__(self):
        free(self._data)

    def taken(self):
        """What was written."""
        return PyBytes_FromStringAndSize(<char *>self._data, self._at)

    cdef int _room(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t size
        cdef void *data
        if self._at + more > self._size:
            size = 2 * (self._at + more) + 4096
            data = realloc(self._data, size)
            if data == NULL:
                raise MemoryError
            self._data = <unsigned char *>data
            self._size = size
        return 0

    cdef int _head(self, unsigned char code, unsigned long long value, int width) except -1:
        """A code, and a number of so many bytes, the highest first."""
        cdef int i
        self._room(9)
        self._data[self._at] = code
        for i in range(width):
            self._data[self._at + 1 + i] = (value >> (8 * (width - 1 - i))) & 0xFF
        self._at += 1 + width
        return 0

    cdef int array(self, Py_ssize_t count) except -1:
        if count < 16:
            return self._head(0x90 | count, 0, 0)
        if count < 0x10000:
            return self._head(0xDC, count, 2)
        return self._head(0xDD, count, 4)

    cdef int real(self, double x) except -1:
        cdef controlroom_bits both
        both.real = x
        both.bits = controlroom_big(both.bits)
        if self._at + 9 > self._size:
            self._room(9)
        self._data[self._at] = 0xCB
        memcpy(self._data + self._at + 1, &both.bits, 8)
        self._at += 9
        return 0

    cdef int whole(self, long long n) except -1:
        if n >= 0:
            if n < 0x80:
                if self._at + 1 > self._size:
                    self._room(1)
                self._data[self._at] = n
                self._at += 1
                return 0
            if n < 0x100:
                return self._head(0xCC, n, 1)
            if n < 0x10000:
                return self._head(0xCD, n, 2)
            if n < 0x100000000:
                return self._head(0xCE, n, 4)
            return self._head(0xCF, n, 8)
        if n >= -32:
            return self._head(n & 0xFF, 0, 0)
        if n >= -0x80:
            return self._head(0xD0, n & 0xFF, 1)
        if n >= -0x8000:
            return self._head(0xD1, n & 0xFFFF, 2)
        if n >= -0x80000000:
            return self._head(0xD2, n & 0xFFFFFFFF, 4)
        return self._head(0xD3, n, 8)

    cdef int truth(self, bint yes) except -1:
        return self._head(0xC3 if yes else 0xC2, 0, 0)

    cdef int any(self, object value) except -1:
        cdef const unsigned char *data
        cdef bytes text
        cdef Py_ssize_t size
        if type(value) is float:
            return self.real(value)
        if type(value) is bool:
            return self.truth(value)
        if type(value) is int:
            return self.whole(value)
        if type(value) is list or type(value) is tuple:
            self.array(len(value))
            for one in value:
                self.any(one)
            return 0
        if type(value) is dict:
            size = len(value)
            if size < 16:
                self._head(0x80 | size, 0, 0)
            elif size < 0x10000:
                self._head(0xDE, size, 2)
            else:
                self._head(0xDF, size, 4)
            for name, one in value.items():
                self.any(name)
                self.any(one)
            return 0
        if type(value) is str:
            text = value.encode()
            size = len(text)
            if size < 32:
                self._head(0xA0 | size, 0, 0)
            elif size < 0x100:
                self._head(0xD9, size, 1)
            elif size < 0x10000:
                self._head(0xDA, size, 2)
            else:
                self._head(0xDB, size, 4)
        elif type(value) is bytes or type(value) is bytearray:
            text = bytes(value)
            size = len(text)
            if size < 0x100:
                self._head(0xC4, size, 1)
            elif size < 0x10000:
                self._head(0xC5, size, 2)
            else:
                self._head(0xC6, size, 4)
        else:
            value.pack(self)
            return 0
        self._room(size)
        data = text
        memcpy(self._data + self._at, data, size)
        self._at += size
        return 0


cdef class Unpacker:
    """Reads values from a block of bytes. Raises ValueError where they are not what is asked for."""

    def __init__(self, bytes data, Py_ssize_t begin):
        self._kept = data
        self._data = data
        self._size = len(data)
        self._at = begin

    def end(self):
        """Nothing may be left."""
        if self._at != self._size:
            raise ValueError(f"{self._size - self._at} bytes are left")

    cdef const unsigned char *_take(self, Py_ssize_t count) except NULL:
        if count < 0 or count > self._size - self._at:
            raise ValueError("it ends too early")
        self._at += count
        return self._data + (self._at - count)

    cdef unsigned long long _number(self, int width) except? 77:
        cdef const unsigned char *data = self._take(width)
        cdef unsigned long long value = 0
        cdef int i
        for i in range(width):
            value = (value << 8) | data[i]
        return value

    cdef Py_ssize_t array(self) except -1:
        cdef unsigned char code = self._take(1)[0]
        if code & 0xF0 == 0x90:
            return code & 0x0F
        if code == 0xDC:
            return self._number(2)
        if code == 0xDD:
            return self._number(4)
        raise ValueError(f"an array is wanted, not {code:02x}")

    cdef double real(self) except? -1.0:
        cdef controlroom_bits both
        if self._at + 9 <= self._size and self._data[self._at] == 0xCB:
            memcpy(&both.bits, self._data + self._at + 1, 8)
            both.bits = controlroom_big(both.bits)
            self._at += 9
            return both.real
        return self.whole()

    cdef long long whole(self) except? -1:
        cdef unsigned char code = self._take(1)[0]
        cdef unsigned long long value
        if code < 0x80:
            return code
        if code >= 0xE0:
            return <long long>code - 0x100
        if code == 0xCC:
            return self._number(1)
        if code == 0xCD:
            return self._number(2)
        if code == 0xCE:
            return self._number(4)
        if code == 0xCF or code == 0xD3:
            value = self._number(8)
            if code == 0xCF and value >> 63:
                raise ValueError("a number is too large")
            return <long long>value
        if code == 0xD0:
            return <signed char>self._number(1)
        if code == 0xD1:
            return <short>self._number(2)
        if code == 0xD2:
            return <int>self._number(4)
        raise ValueError(f"a number is wanted, not {code:02x}")

    cdef bint truth(self) except -1:
        cdef unsigned char code = self._take(1)[0]
        if code != 0xC2 and code != 0xC3:
            raise ValueError(f"true or false is wanted, not {code:02x}")
        return code == 0xC3

    cdef object any(self):
        cdef unsigned char code
        cdef Py_ssize_t count
        if self._at >= self._size:
            raise ValueError("it ends too early")
        code = self._data[self._at]
        if code == 0xCB:
            return self.real()
        if code == 0xC2 or code == 0xC3:
            return self.truth()
        if code & 0xF0 == 0x90 or code == 0xDC or code == 0xDD:
            count = self.array()
            return [self.any() for _ in range(count)]
        if code & 0xE0 == 0xA0 or 0xD9 <= code <= 0xDB:
            self._at += 1
            count = code & 0x1F if code < 0xC0 else self._number(1 << (code - 0xD9))
            return (<char *>self._take(count))[:count].decode()
        if 0xC4 <= code <= 0xC6:
            self._at += 1
            count = self._number(1 << (code - 0xC4))
            return PyBytes_FromStringAndSize(<char *>self._take(count), count)
        if code & 0xF0 == 0x80 or code == 0xDE or code == 0xDF:
            self._at += 1
            count = code & 0x0F if code < 0xC0 else self._number(2 if code == 0xDE else 4)
            return {self.any(): self.any() for _ in range(count)}
        return self.whole()

    cdef int rest(self, Py_ssize_t count) except -1:
        """Pass over what a later version has added."""
        while count > 0:
            self.any()
            count -= 1
        return 0
