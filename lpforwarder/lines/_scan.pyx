# cython: language_level=3, cdivision=True
"""Lines of canonical JSON, looked at octet by octet: where each field stands. See _write.pyx for what is made of it.

Compiled, because the interpreter takes ten times as long. What it does is small: it knows strings of printable
ASCII, whole numbers, true and false, and of escapes only the one before a quote. A line with anything else in it
is *not read*; whoever asked writes that event in the usual way.

Every `bytes` object of CPython ends with a zero octet behind its last. Each loop below ends at an octet under 32,
so none leaves its line, whatever the line holds.
"""

from cython cimport final
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp, memcpy, memset

from json.decoder import scanstring

cdef extern from *:
    """
    static const uint64_t ONES = 0x0101010101010101;
    static const uint64_t HIGH = 0x8080808080808080;

    #if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    #define BEFORE_FIRST(marked) ((marked) ? __builtin_ctzll(marked) >> 3 : 8)
    #else
    #define BEFORE_FIRST(marked) ((marked) ? 0 : 8)
    #endif
    """
    const uint64_t ONES  # eight octets that are 1
    const uint64_t HIGH  # the high bits of eight octets
    int BEFORE_FIRST(uint64_t marked) nogil  # octets before the first whose high bit is set, or fewer


@final
cdef class Reader:
    """Finds these fields in lines. Names of fields are plain words."""

    def __init__(self, names, *, bytes marked=b"", bint skips=False):
        """`names` in the order in which events mostly have them. The octet `marked` may be written as something
        else. With `skips` a line may have other fields, whatever they hold; else it is not read.
        """
        if not 0 < len(names) <= MOST_FIELDS or len(set(names)) != len(names):
            raise ValueError(f"1 to {MOST_FIELDS} names, each once")
        if len(marked) > 1:
            raise ValueError("one octet is marked, or none")
        if marked and (not 32 < marked[0] < 127 or marked in b'"\\'):
            raise ValueError("what is marked is printable, and neither a quote nor a backslash")
        self.names = tuple(names)
        self.octets = tuple([b'%b":' % name.encode("ascii") for name in names])
        self.count = len(names)
        self.skips = skips
        cdef int number
        for number in range(self.count):
            self.name_of[number] = PyBytes_AS_STRING(self.octets[number])
            self.length_of[number] = <int>len(self.octets[number])
            self.head_of[number] = self.mask_of[number] = 0
            memcpy(&self.head_of[number], self.name_of[number], min(8, self.length_of[number]))
            memset(&self.mask_of[number], 0xFF, min(8, self.length_of[number]))
        self.marked = marked[0] if marked else -1
        self.marks = ONES * (marked[0] if marked else c'"')

    def scan(self, list lines) -> Scan:
        """Looks at each line once; they are bytes."""
        cdef Scan found = Scan.__new__(Scan)
        cdef Py_ssize_t number, many = len(lines)
        found.lines, found.reader, found.many = lines[:], self, many
        found.slots = <Slot*>malloc(max(many, 1) * self.count * sizeof(Slot))
        found.state = <char*>malloc(max(many, 1))
        if found.slots == NULL or found.state == NULL:
            raise MemoryError
        for number in range(many):
            found.state[number] = self.look(<bytes?>found.lines[number], found.slots + number * self.count)
        return found

    cdef char look(self, bytes line, Slot* slots) noexcept:
        """READ, perhaps AS_OURS, when the line is read; then every slot says where its value is, or NULL. Else 0."""
        cdef const unsigned char* at = <const unsigned char*>PyBytes_AS_STRING(line)
        cdef const unsigned char* end = at + PyBytes_GET_SIZE(line)
        cdef int place, next_one = 0
        cdef char state = READ | AS_OURS
        memset(slots, 0, self.count * sizeof(Slot))
        if end - at > LONGEST_LINE or at[0] != c"{":
            return 0
        while True:
            at += 1
            place = self.named(&at, end, next_one)
            if at == NULL:
                return 0
            if place < 0:
                at = skipped(at) if self.skips else NULL
            else:
                if slots[place].begin != NULL:
                    return 0
                at = self.value(at, end, &slots[place], &state)
                next_one = place + 1
            if at == NULL:
                return 0
            if at[0] == c"}":
                return state if at + 1 == end else 0
            if at[0] != c",":
                return 0

    cdef int named(self, const unsigned char** at, const unsigned char* line_end, int first) noexcept:
        """Whose name begins here, tried from the `first` on, -1 for another one; moves behind its colon.

        NULL there when no name stands here, or one with an escape.
        """
        cdef const unsigned char* begin = at[0] + 1
        cdef const unsigned char* end = begin
        cdef Py_ssize_t length
        cdef uint64_t eight
        cdef int tries, place
        at[0] = NULL
        if begin[-1] != c'"':
            return -1
        # Most names are the next one or the one behind it, and one look at eight octets tells them from others.
        if line_end - begin >= 8:
            memcpy(&eight, begin, 8)
            for place in range(first, min(first + 2, self.count)):
                length = self.length_of[place]
                if eight & self.mask_of[place] != self.head_of[place] or line_end - begin <= length:
                    continue
                if length <= 8 or memcmp(self.name_of[place] + 8, begin + 8, length - 8) == 0:
                    at[0] = begin + length
                    return place
        while end[0] != c'"':
            if end[0] == c"\\" or end[0] < 32:
                return -1
            end += 1
        if end[1] != c":":
            return -1
        end += 2
        at[0] = end
        length = end - begin
        for tries in range(self.count):
            place = first + tries
            if place >= self.count:
                place -= self.count
            if self.length_of[place] == length and memcmp(self.name_of[place], begin, length) == 0:
                return place
        return -1

    cdef const unsigned char* value(
        self, const unsigned char* at, const unsigned char* line_end, Slot* slot, char* state
    ) noexcept:
        """Behind the value that begins here, which is noted; NULL for one that we do not read."""
        cdef const unsigned char* end
        slot.is_text = at[0] == c'"'
        if slot.is_text:
            at += 1
        slot.begin = <const char*>at
        end = self.text(at, line_end, slot, state) if slot.is_text else plain(at)
        if end == NULL:
            return NULL
        slot.octets = <int>(end - at)
        return end + 1 if slot.is_text else end

    cdef const unsigned char* text(
        self, const unsigned char* at, const unsigned char* line_end, Slot* slot, char* state
    ) noexcept:
        """At the quote that ends the text; NULL when there is none, or octets outside of printable ASCII."""
        cdef int octets
        while True:
            # Eight octets at a time a text takes a quarter of what it takes one by one.
            if line_end - at >= 8:
                octets = usual(at, self.marks)
                at += octets
                if octets == 8:
                    continue
            if at[0] == c'"':
                return at
            if at[0] < 32 or at[0] > 126:
                return NULL
            if at[0] != c"\\":
                slot.marked += at[0] == self.marked
                at += 1
            elif at[1] == c'"':
                slot.escapes += 1
                at += 2
            else:
                octets = escape(at)
                if octets == 0:
                    return NULL
                slot.is_odd = True
                if not is_ours(at, octets):
                    state[0] = READ
                at += octets


cdef inline int usual(const unsigned char* at, uint64_t marks) noexcept:
    """Of the eight octets here how many, or fewer, are printable ASCII before a quote, backslash or marked octet."""
    cdef uint64_t eight
    memcpy(&eight, at, 8)
    # One of them is below 32 or above 126 if a high bit is set, here or after adding or taking away.
    cdef uint64_t outside = eight | (eight - ONES * 32) | (eight + ONES)
    cdef uint64_t special = zero_in(eight ^ ONES * 34) | zero_in(eight ^ ONES * 92) | zero_in(eight ^ marks)
    # Carries and borrows only ever touch octets behind the first of these.
    return BEFORE_FIRST((outside | special) & HIGH)


cdef inline uint64_t zero_in(uint64_t eight) noexcept:
    """A high bit is set when an octet is zero, and sometimes, but never otherwise, one of a later octet."""
    return (eight - ONES) & ~eight


cdef int escape(const unsigned char* at) noexcept:
    """How many octets the escape has that begins here, two for one character; 0 for none that JSON knows."""
    if at[1] == c"u":
        if code_of(at) < 0:
            return 0
        return 12 if is_half(code_of(at), 0xD800) and is_half(code_of(at + 6), 0xDC00) else 6
    for known_one in b'\\/bfnrt':
        if at[1] == known_one:
            return 2
    return 0


cdef bint is_ours(const unsigned char* at, int octets) noexcept:
    """Whether the escape is written as we write it: as JSON in ASCII by Python's standard library.

    One in capitals is not, nor one of a character that needs none, or half of a pair.
    """
    cdef int number, code
    if octets == 2:
        return at[1] != c"/"
    for number in range(octets):
        if c"A" <= at[number] <= c"F":
            return False
    code = code_of(at)
    if code < 0x7F:
        return code < 0x20 and not (code == 8 or code == 9 or code == 10 or code == 12 or code == 13)
    return octets == 12 or not (0xD800 <= code <= 0xDFFF)


cdef bint is_half(int code, int first) noexcept:
    """Whether this is the half of a surrogate pair that begins there."""
    return first <= code < first + 0x400


cdef int code_of(const unsigned char* at) noexcept:
    """The number behind a backslash and u, in four hexadecimal digits; -1 when that does not stand here."""
    cdef int code = 0, number
    if at[0] != c"\\" or at[1] != c"u":
        return -1
    for number in range(2, 6):
        if c"0" <= at[number] <= c"9":
            code = code * 16 + at[number] - c"0"
        elif c"a" <= at[number] <= c"f":
            code = code * 16 + at[number] - c"a" + 10
        elif c"A" <= at[number] <= c"F":
            code = code * 16 + at[number] - c"A" + 10
        else:
            return -1
    return code


cdef int character(const unsigned char* at, int* octets) noexcept:
    """The code point that the escape here stands for, a backslash and u, and how long it is; -1 for half a pair."""
    cdef int code = code_of(at), low
    octets[0] = 6
    if is_half(code, 0xD800):
        low = code_of(at + 6)
        octets[0] = 12
        return 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00 if is_half(low, 0xDC00) else -1
    return -1 if is_half(code, 0xDC00) else code


cdef const unsigned char* plain(const unsigned char* at) noexcept:
    """Behind true, false or a whole number of at most 18 digits without a sign; NULL for anything else."""
    cdef const unsigned char* begin = at
    if at[0] == c"t":
        return at + 4 if memcmp_text(at, b"true", 4) else NULL
    if at[0] == c"f":
        return at + 5 if memcmp_text(at, b"false", 5) else NULL
    while c"0" <= at[0] <= c"9":
        at += 1
    if at == begin or at - begin > 18 or (begin[0] == c"0" and at - begin > 1):
        return NULL
    return at


cdef bint memcmp_text(const unsigned char* at, const char* text, int length) noexcept:
    """Whether that text stands here; stops at the first difference, so not behind the end."""
    cdef int number
    for number in range(length):
        if at[number] != <unsigned char>text[number]:
            return False
    return True


cdef const unsigned char* skipped(const unsigned char* at) noexcept:
    """Behind any JSON value that is written rightly; NULL when the line ends in it."""
    cdef int depth = 0
    while True:
        if at[0] == c'"':
            at += 1
            while at[0] != c'"':
                if at[0] < 32:
                    return NULL
                if at[0] == c"\\":
                    at += 1
                    if at[0] < 32:
                        return NULL
                at += 1
            at += 1
        elif at[0] == c"[" or at[0] == c"{":
            depth += 1
            at += 1
        elif at[0] == c"]" or at[0] == c"}":
            if depth == 0:
                return at
            depth -= 1
            at += 1
        elif at[0] == c"," and depth == 0:
            return at
        elif at[0] < 32:
            return NULL
        else:
            at += 1


@final
cdef class Scan:
    """Where the fields of some lines are; made by Reader.scan()."""

    def __dealloc__(self):
        free(self.slots)
        free(self.state)

    def __len__(self):
        return self.many

    def judged(self, Key key) -> list:
        """For each line what the key's kind makes of its fields, or None when it is not read or nothing is made.

        ValueError for a key that was made for another reader.
        """
        if key.reader is not self.reader:
            raise ValueError("a key of another reader")
        cdef Py_ssize_t number
        cdef list found = [None] * self.many
        for number in range(self.many):
            if self.state[number] & READ:
                found[number] = key.of(self.slots + number * self.reader.count)
        return found

    def flawless(self, needed, str time) -> list:
        """The positions of lines written as we write them, with a text in each field `needed` and our time.

        They have no other fields than those of the reader, unless it skips them, and none twice.
        """
        cdef int places[MOST_FIELDS]
        cdef int many = <int>len(needed), at, clock = self.reader.names.index(time)
        if many > MOST_FIELDS:
            raise ValueError(f"{MOST_FIELDS} fields at most")
        for at in range(many):
            places[at] = self.reader.names.index(needed[at])
        cdef list found = []
        cdef Py_ssize_t number
        cdef const Slot* slots
        for number in range(self.many):
            slots = self.slots + number * self.reader.count
            if self.state[number] != READ | AS_OURS or milliseconds(slots + clock) < 0:
                continue
            for at in range(many):
                if not slots[places[at]].is_text or slots[places[at]].octets == 0:
                    break
            else:
                found.append(number)
        return found

    def span(self, str time, places) -> tuple:
        """The least and the greatest of the times at these places; both in our form. ValueError for none, or another form."""
        cdef int clock = self.reader.names.index(time)
        cdef const char* least = NULL
        cdef const char* greatest = NULL
        cdef const char* one
        cdef const Slot* slot
        cdef Py_ssize_t place
        for place in places:
            if not 0 <= place < self.many:
                raise IndexError(place)
            slot = self.slots + place * self.reader.count + clock
            if milliseconds(slot) < 0:
                raise ValueError("no time in our form")
            one = slot.begin
            if least == NULL or memcmp(one, least, 24) < 0:
                least = one
            if greatest == NULL or memcmp(one, greatest, 24) > 0:
                greatest = one
        if least == NULL:
            raise ValueError("no place")
        return least[:24].decode("ascii"), greatest[:24].decode("ascii")


cdef bytes NO_KEY = b"?"
"""What no key is: each that is not empty begins with a quote, a `#` or a zero."""


@final
cdef class Key:
    """Looks up what the values of some fields make together. For one thread."""

    def __init__(self, Reader reader, kind):
        self.many = <int>len(kind.names)
        if self.many > MOST_FIELDS:
            raise ValueError(f"a kind has {MOST_FIELDS} fields at most")
        cdef int number
        for number in range(self.many):
            self.places[number] = reader.names.index(kind.names[number])
        self.reader, self.make, self.most = reader, kind.make, kind.most
        self.memo = {}
        self.last_keys, self.last_found = [NO_KEY] * LAST, [None] * LAST

    cdef object of(self, const Slot* slots):
        """None for values that are too long to be remembered, and what make gives for all others."""
        cdef char text[LONGEST_KEY]
        cdef char* at = text
        cdef const Slot* slot
        cdef int number
        for number in range(self.many):
            slot = slots + self.places[number]
            if text + LONGEST_KEY - at < slot.octets + 2:
                return None
            if slot.begin != NULL:
                at[0] = c'"' if slot.is_text else c"#"
                memcpy(at + 1, slot.begin, slot.octets)
                at += 1 + slot.octets
            at[0] = 0
            at += 1
        # The same few again and again: found here without an object for the key, in a third of the time.
        cdef Py_ssize_t octets = at - text, place = mixed(text, octets) % LAST
        cdef bytes key = <bytes>self.last_keys[place]
        if PyBytes_GET_SIZE(key) == octets and memcmp(PyBytes_AS_STRING(key), text, octets) == 0:
            return self.last_found[place]
        key = PyBytes_FromStringAndSize(text, octets)
        found = self.memo.get(key, self)
        if found is self:
            found = self.make(tuple([known(slots + self.places[number]) for number in range(self.many)]))
            if len(self.memo) >= self.most:
                self.memo.clear()
                self.last_keys = [NO_KEY] * LAST
            self.memo[key] = found
        self.last_keys[place], self.last_found[place] = key, found
        return found


cdef inline uint64_t mixed(const char* at, Py_ssize_t octets) noexcept:
    """A number that differs for different texts, mostly."""
    cdef uint64_t number = octets, eight
    while octets >= 8:
        memcpy(&eight, at, 8)
        number = (number ^ eight) * <uint64_t>0x9E3779B97F4A7C15
        number ^= number >> 32
        at += 8
        octets -= 8
    eight = 0
    memcpy(&eight, at, octets)
    number = (number ^ eight) * <uint64_t>0x9E3779B97F4A7C15
    return number >> 40


cdef object known(const Slot* slot):
    """The value as Python has it."""
    if slot.begin == NULL:
        return None
    if slot.is_text and not (slot.escapes or slot.is_odd):
        return PyBytes_FromStringAndSize(slot.begin, slot.octets).decode("ascii")
    if slot.is_text:  # what json.loads() asks for a text, at a tenth of the time
        return scanstring(slot.begin[: slot.octets].decode("ascii") + '"', 0)[0]
    if slot.begin[0] == c"t" or slot.begin[0] == c"f":
        return slot.begin[0] == c"t"
    return int(slot.begin[: slot.octets])


cdef int two(const char* at) noexcept:
    """Two digits as a number; below 0 when they are none."""
    if not (c"0" <= at[0] <= c"9" and c"0" <= at[1] <= c"9"):
        return -100_000
    return (at[0] - c"0") * 10 + at[1] - c"0"


cdef int DAYS[13]
DAYS[:] = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


cdef long long milliseconds(const Slot* slot) noexcept:
    """Since 1970, of a time like `2022-12-14T17:33:43.369Z`; below 0 when it is none, or before that."""
    cdef const char* at = slot.begin
    if at == NULL or slot.octets != 24 or slot.escapes or slot.is_odd or not slot.is_text:
        return -1
    if at[4] != c"-" or at[7] != c"-" or at[10] != c"T" or at[13] != c":" or at[16] != c":":
        return -1
    if at[19] != c"." or at[23] != c"Z":
        return -1
    cdef int year = two(at) * 100 + two(at + 2), month = two(at + 5), day = two(at + 8)
    cdef int hour = two(at + 11), minute = two(at + 14), second = two(at + 17)
    cdef int fraction = two(at + 20) * 10 + two(at + 21) % 10
    if two(at + 20) < 0 or two(at + 21) < 0 or not (1970 <= year and 1 <= month <= 12 and 1 <= day <= DAYS[month]):
        return -1
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return -1
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return -1
    # Days since 1970 in the proleptic Gregorian calendar, with years that begin in March.
    cdef long long shifted = year - (month <= 2)
    cdef long long of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    cdef long long days = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468
    return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction


def lines_of(bytes blob, Py_ssize_t most=-1) -> list:
    """What stands between line feeds, as `blob.split(b"\\n", most)`, which looks for them octet by octet."""
    cdef const char* at = PyBytes_AS_STRING(blob)
    cdef const char* end = at + PyBytes_GET_SIZE(blob)
    cdef const char* feed
    cdef list found = []
    while most != 0:
        feed = <const char*>memchr(at, c"\n", end - at)
        if feed == NULL:
            break
        found.append(PyBytes_FromStringAndSize(at, feed - at))
        at = feed + 1
        most -= 1
    found.append(PyBytes_FromStringAndSize(at, end - at))
    return found
