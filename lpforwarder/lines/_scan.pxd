"""What both modules share; _scan.pyx and _write.pyx tell."""

from cython cimport final
from libc.stdint cimport uint64_t

cdef enum:
    MOST_FIELDS = 48
    LONGEST_KEY = 4096
    LAST = 128  # keys that are found at once
    LONGEST_LINE = 1 << 24

cdef struct Slot:
    const char* begin
    int octets
    int escapes  # quotes with a backslash before them; both are among the octets
    bint is_text  # else a number, true or false
    int marked  # octets that are written otherwise
    bint is_odd  # has other escapes too, so somebody has to look at the value

cdef enum:
    READ = 1
    AS_OURS = 2  # every escape is written as we write it


@final
cdef class Reader:
    cdef readonly tuple names
    cdef int count
    cdef bint skips
    cdef const char* name_of[MOST_FIELDS]  # with the quote and the colon behind it
    cdef int length_of[MOST_FIELDS]
    cdef uint64_t head_of[MOST_FIELDS]  # its first eight octets; zeros behind a shorter one
    cdef uint64_t mask_of[MOST_FIELDS]  # ones where the head has octets
    cdef int marked
    cdef uint64_t marks  # eight times the marked octet, or eight quotes without one
    cdef tuple octets

    cdef char look(self, bytes line, Slot* slots) noexcept
    cdef int named(self, const unsigned char** at, const unsigned char* line_end, int first) noexcept
    cdef const unsigned char* value(
        self, const unsigned char* at, const unsigned char* line_end, Slot* slot, char* state
    ) noexcept
    cdef const unsigned char* text(
        self, const unsigned char* at, const unsigned char* line_end, Slot* slot, char* state
    ) noexcept


@final
cdef class Scan:
    cdef list lines
    cdef Reader reader
    cdef Slot* slots
    cdef char* state
    cdef Py_ssize_t many


@final
cdef class Key:
    cdef Reader reader
    cdef int places[MOST_FIELDS]
    cdef int many
    cdef dict memo
    cdef object make
    cdef Py_ssize_t most
    cdef list last_keys
    cdef list last_found

    cdef object of(self, const Slot* slots)


cdef object known(const Slot* slot)
cdef int character(const unsigned char* at, int* octets) noexcept
cdef long long milliseconds(const Slot* slot) noexcept
