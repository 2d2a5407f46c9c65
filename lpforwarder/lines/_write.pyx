# cython: language_level=3, cdivision=True
"""Messages put together from what _scan.pyx found. Each is measured before room is made for it."""

from cython cimport final
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from lpforwarder.lines._scan cimport READ, Key, Reader, Scan, Slot, character, known, milliseconds

from lpforwarder.lines.parts import Address, Labelled, Line, Made, Milliseconds, Number, Text, Timestamp

cdef enum:
    MOST_PARTS = 64
    DIGITS = 24
    LONGEST_REMEMBERED = 256  # octets of a text
    MOST_REMEMBERED = 512  # texts of a part; 200 KiB, twice as much with hostile ones

cdef enum Sort:
    TEXT, NUMBER, LINE, TIMESTAMP, MILLISECONDS, LABELLED, ADDRESS, PIECE

cdef struct Step:
    Sort sort
    int place  # of the field; of a piece the number of its kind
    int piece
    long long most
    const char* text
    Py_ssize_t octets
    const char* instead  # of the octet that the reader marks
    Py_ssize_t instead_octets
    const char* kept  # letters of escapes that are taken over
    Py_ssize_t kept_octets
    int other  # the place of the field beside which this one is not written here; below 0 for none
    const char* text6  # before an IPv6 address
    Py_ssize_t octets6

cdef struct Cut:
    const char* begin
    Py_ssize_t octets
    const Step* step  # how a text is written that is not taken over as it is; else NULL

cdef struct Draft:
    int many
    Py_ssize_t octets  # of the message
    Cut cuts[2 * MOST_PARTS]
    char digits[MOST_PARTS][DIGITS]


@final
cdef class Writer:
    """Writes messages from what a Reader found; `parts` in their order. For one thread."""

    cdef Reader reader
    cdef Step steps[MOST_PARTS]
    cdef int many
    cdef Py_ssize_t most
    cdef list kinds
    cdef list keys
    cdef list kept
    cdef list careful
    cdef list remembered  # of each part what it made of a text that was not usual

    def __init__(self, Reader reader, parts, Py_ssize_t most):
        """ValueError for a field that the reader does not look for, or too many parts.

        A message of more than `most` octets is not written here.
        """
        if len(parts) > MOST_PARTS:
            raise ValueError(f"{MOST_PARTS} parts at most")
        self.reader, self.many, self.most = reader, <int>len(parts), most
        self.kinds, self.keys, self.kept = [], [], []
        self.careful = [getattr(part, "careful", None) for part in parts]
        self.remembered = [{} for _ in parts]
        cdef int at
        for at in range(self.many):
            self.note(&self.steps[at], parts[at])

    cdef note(self, Step* step, part):
        if isinstance(part, Text):
            step.sort, step.text, step.octets = TEXT, self.keep(part.octets), len(part.octets)
        elif isinstance(part, Number):
            step.sort = NUMBER
        elif isinstance(part, Line):
            step.sort = LINE
        elif isinstance(part, Timestamp):
            step.sort = MILLISECONDS if isinstance(part, Milliseconds) else TIMESTAMP
            step.place = self.reader.names.index(part.name)
        elif isinstance(part, Labelled):
            step.sort, step.most = ADDRESS if isinstance(part, Address) else LABELLED, part.most
            step.place = self.reader.names.index(part.name)
            step.text, step.octets = self.keep(part.label), len(part.label)
            step.instead, step.instead_octets = self.keep(part.instead), len(part.instead)
            step.kept, step.kept_octets = self.keep(part.keeps), len(part.keeps)
            step.other = self.reader.names.index(part.never_beside) if part.never_beside else -1
            if step.sort == ADDRESS:
                step.text6, step.octets6 = self.keep(part.label6), len(part.label6)
        elif isinstance(part, Made):
            if part.kind not in self.kinds:
                self.kinds.append(part.kind)
                self.keys.append(Key(self.reader, part.kind))
            step.sort, step.place, step.piece = PIECE, self.kinds.index(part.kind), part.piece
        else:
            raise ValueError(f"not a part: {part!r}")

    cdef const char* keep(self, bytes octets):
        self.kept.append(octets)
        return PyBytes_AS_STRING(octets)

    def write(self, Scan scan, list places, long long first=0) -> list:
        """The messages of the lines at these places, numbered from `first`; empty for what is not written here."""
        if scan.reader is not self.reader:
            raise ValueError("read by another reader")
        cdef list found = []
        cdef Py_ssize_t place
        cdef long long number = first
        for place in places:
            if not 0 <= place < scan.many:
                raise IndexError(place)
            found.append(self.message(scan, place, number) if scan.state[place] & READ else b"")
            number += 1
        return found

    cdef bytes message(self, Scan scan, Py_ssize_t place, long long number):
        cdef const Slot* slots = scan.slots + place * self.reader.count
        cdef const Step* step
        cdef Draft draft
        cdef int at, clock = -1  # the place of the field whose instant is known
        cdef long long instant = -1
        cdef bytes piece, line = <bytes>scan.lines[place]
        cdef list made = []  # whatever is cut from stays here until it is taken over
        for at in range(len(self.keys)):
            made.append((<Key>self.keys[at]).of(slots))
            if made[at] is None:
                return b""
        draft.many = 0
        draft.octets = 0
        for at in range(self.many):
            step = &self.steps[at]
            if step.sort == PIECE:
                piece = <bytes?>made[step.place][step.piece]
                add(&draft, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
            elif step.sort == TEXT:
                add(&draft, step.text, step.octets)
            elif step.sort == LABELLED or step.sort == ADDRESS:
                if slots[step.place].octets == 0:
                    continue
                if step.other >= 0 and slots[step.other].octets:
                    return b""
                if not self.labelled(&draft, step, slots + step.place):
                    piece = self.looked_at(at, slots + step.place)
                    made.append(piece)
                    add(&draft, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
            elif step.sort == LINE:
                add(&draft, PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
            elif step.sort == NUMBER:
                add(&draft, draft.digits[at], written(number, draft.digits[at]))
            else:
                if step.place != clock:
                    clock, instant = step.place, milliseconds(slots + step.place)
                if instant < 0:
                    return b""
                if step.sort == TIMESTAMP:
                    add(&draft, slots[step.place].begin, slots[step.place].octets)
                else:
                    add(&draft, draft.digits[at], written(instant, draft.digits[at]))
        return self.taken_over(&draft) if draft.octets <= self.most else b""

    cdef bytes looked_at(self, int at, const Slot* slot):
        """What the part makes of a text that is not usual. Names come again and again: remembered, 0.1 µs and not 4."""
        cdef dict memo
        cdef bytes text
        if not slot.is_text or slot.octets > LONGEST_REMEMBERED:
            return <bytes?>self.careful[at](text_of(slot))
        memo, text = <dict>self.remembered[at], PyBytes_FromStringAndSize(slot.begin, slot.octets)
        found = memo.get(text)
        if found is None:
            found = <bytes?>self.careful[at](text_of(slot))
            if len(memo) >= MOST_REMEMBERED:
                memo.clear()
            memo[text] = found
        return <bytes>found

    cdef bint labelled(self, Draft* draft, const Step* step, const Slot* slot) noexcept:
        """False, and nothing added, when somebody has to look at the text."""
        cdef const char* text = slot.begin
        cdef Py_ssize_t octets
        if slot.marked and step.instead_octets == 0:
            return False
        if text[0] == c" " or text[slot.octets - 1] == c" " or slot.octets - slot.escapes > step.most:
            return False
        if slot.is_odd:
            octets = rewritten(NULL, text, slot.octets, step, self.reader.marked) if step.kept_octets else -1
            if octets < 0:
                return False
            add(draft, step.text, step.octets)
            add(draft, text, slot.octets)
            draft.cuts[draft.many - 1].step = step
            draft.octets += octets - slot.octets
            return True
        if step.sort == LABELLED or is_address(text, slot.octets):
            add(draft, step.text, step.octets)
        elif is_address6(text, slot.octets):
            add(draft, step.text6, step.octets6)
        else:
            return False
        add(draft, text, slot.octets)
        if slot.escapes or slot.marked:
            draft.cuts[draft.many - 1].step = step
            draft.octets += slot.marked * (step.instead_octets - 1) - slot.escapes
        return True

    cdef bytes taken_over(self, const Draft* draft):
        cdef bytes message = PyBytes_FromStringAndSize(NULL, draft.octets)
        cdef char* to = PyBytes_AS_STRING(message)
        cdef const Cut* cut
        cdef int at
        for at in range(draft.many):
            cut = &draft.cuts[at]
            if cut.step == NULL:
                memcpy(to, cut.begin, cut.octets)
                to += cut.octets
            else:
                to += rewritten(to, cut.begin, cut.octets, cut.step, self.reader.marked)
        return message


cdef object text_of(const Slot* slot):
    return known(slot) if slot.is_text else slot.begin[: slot.octets].decode("ascii")


cdef inline void add(Draft* draft, const char* begin, Py_ssize_t octets) noexcept:
    draft.cuts[draft.many].begin = begin
    draft.cuts[draft.many].octets = octets
    draft.cuts[draft.many].step = NULL
    draft.many += 1
    draft.octets += octets


cdef Py_ssize_t rewritten(
    char* to, const char* at, Py_ssize_t octets, const Step* step, int marked
) noexcept:
    """Writes the text without the backslashes before quotes, with something else for the marked octet, and in UTF-8.

    How many octets that takes, counted alone when `to` is NULL. Below 0 for a text with another escape than
    those that are taken over, or one of a character that nobody should get: a control, a separator, half of a pair.
    """
    cdef const char* end = at + octets
    cdef Py_ssize_t total = 0
    cdef int code, read
    cdef char utf8[4]
    while at < end:
        utf8[0] = at[0]
        octets = read = 1
        if at[0] == c"\\":
            read = 2
            utf8[0] = at[1]
            if at[1] == c"u":
                code = character(<const unsigned char*>at, &read)
                if code < 0xA0 or code == 0x2028 or code == 0x2029:
                    return -1
                octets = encoded(code, utf8)
            elif at[1] != c'"':
                if not is_among(at[1], step.kept, step.kept_octets):
                    return -1
                utf8[0], utf8[1] = c"\\", at[1]
                octets = 2
        if octets == 1 and <unsigned char>utf8[0] == marked:
            octets = step.instead_octets
            if to != NULL:
                memcpy(to + total, step.instead, octets)
        elif to != NULL:
            memcpy(to + total, utf8, octets)
        total += octets
        at += read
    return total


cdef int encoded(int code, char* to) noexcept:
    """Writes a character beyond ASCII in UTF-8 (RFC 3629 §3); how many octets."""
    if code < 0x800:
        to[0] = <char>(0xC0 | code >> 6)
        to[1] = <char>(0x80 | code & 0x3F)
        return 2
    if code < 0x10000:
        to[0] = <char>(0xE0 | code >> 12)
        to[1] = <char>(0x80 | code >> 6 & 0x3F)
        to[2] = <char>(0x80 | code & 0x3F)
        return 3
    to[0] = <char>(0xF0 | code >> 18)
    to[1] = <char>(0x80 | code >> 12 & 0x3F)
    to[2] = <char>(0x80 | code >> 6 & 0x3F)
    to[3] = <char>(0x80 | code & 0x3F)
    return 4


cdef bint is_among(char letter, const char* letters, Py_ssize_t many) noexcept:
    cdef Py_ssize_t at
    for at in range(many):
        if letters[at] == letter:
            return True
    return False


cdef bint is_address(const char* at, int octets) noexcept:
    """Whether this is an IPv4 address: four numbers up to 255, without zeros before them."""
    cdef const char* end = at + octets
    cdef int number, digits, value
    for number in range(4):
        if number:
            if at == end or at[0] != c".":
                return False
            at += 1
        value = digits = 0
        while at < end and c"0" <= at[0] <= c"9" and digits < 3:
            value = value * 10 + at[0] - c"0"
            digits += 1
            at += 1
        if digits == 0 or value > 255 or (digits > 1 and at[-digits] == c"0"):
            return False
    return at == end


cdef bint is_address6(const char* at, int octets) noexcept:
    """Whether this is an IPv6 address as RFC 5952 writes it: small letters, no zeros before a group, none of zeros alone.

    There are eight groups, or a gap with one at least on both sides, which stands for two or more.
    """
    cdef const char* end = at + octets
    cdef int groups = 0, digits
    cdef bint has_gap = False
    while True:
        if at < end and at[0] == c"0":
            return False
        digits = 0
        while at < end and (c"0" <= at[0] <= c"9" or c"a" <= at[0] <= c"f"):
            digits += 1
            at += 1
        if not 1 <= digits <= 4:
            return False
        groups += 1
        if at == end:
            return groups <= 6 if has_gap else groups == 8
        if at[0] != c":" or groups == 8:
            return False
        at += 1
        if at < end and at[0] == c":":
            if has_gap:
                return False
            has_gap = True
            at += 1


cdef int written(long long number, char* to) noexcept:
    """Writes the digits; how many."""
    cdef char turned[DIGITS]
    cdef int many = 0, at
    if number < 0:
        number = 0
    while True:
        turned[many] = <char>(c"0" + number % 10)
        many += 1
        number //= 10
        if number == 0:
            break
    for at in range(many):
        to[at] = turned[many - 1 - at]
    return many


def framed(list messages) -> bytes:
    """The frames of these messages, joined: the length in octets, a space, the message. An empty one has none."""
    cdef char digits[DIGITS]
    cdef Py_ssize_t octets = 0, length
    cdef bytes message
    cdef int many
    for message in messages:
        length = PyBytes_GET_SIZE(<bytes?>message)
        if length:
            octets += length + written(length, digits) + 1
    cdef bytes stream = PyBytes_FromStringAndSize(NULL, octets)
    cdef char* to = PyBytes_AS_STRING(stream)
    for message in messages:
        length = PyBytes_GET_SIZE(message)
        if length:
            many = written(length, digits)
            memcpy(to, digits, many)
            to[many] = c" "
            memcpy(to + many + 1, PyBytes_AS_STRING(message), length)
            to += many + 1 + length
    return stream
