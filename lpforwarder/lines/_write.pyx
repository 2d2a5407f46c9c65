# cython: language_level=3, cdivision=True
"""Messages put together from what _scan.pyx found. Each is measured before room is made for it."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy

from lpforwarder.lines._scan cimport READ, Key, Reader, Scan, Slot, known, milliseconds

from lpforwarder.lines.parts import Address, Labelled, Line, Made, Milliseconds, Number, Text, Timestamp

cdef enum:
    MOST_PARTS = 64
    DIGITS = 24

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

cdef struct Cut:
    const char* begin
    Py_ssize_t octets
    const Step* step  # how a text is written that is not taken over as it is; else NULL

cdef struct Draft:
    int many
    Py_ssize_t octets  # of the message
    Cut cuts[2 * MOST_PARTS]
    char digits[MOST_PARTS][DIGITS]


cdef class Writer:
    """Writes messages from what a Reader found; `parts` in their order. For one thread."""

    cdef Reader reader
    cdef Step steps[MOST_PARTS]
    cdef int many
    cdef list kinds
    cdef list keys
    cdef list kept
    cdef list careful

    def __init__(self, Reader reader, parts):
        """ValueError for a field that the reader does not look for, or too many parts."""
        if len(parts) > MOST_PARTS:
            raise ValueError(f"{MOST_PARTS} parts at most")
        self.reader, self.many = reader, <int>len(parts)
        self.kinds, self.keys, self.kept = [], [], []
        self.careful = [getattr(part, "careful", None) for part in parts]
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
        elif isinstance(part, Made):
            if part.kind not in self.kinds:
                self.kinds.append(part.kind)
                self.keys.append(Key(self.reader, part.kind, {}))
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
        cdef int at
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
                if not self.labelled(&draft, step, slots + step.place):
                    piece = <bytes?>self.careful[at](text_of(slots + step.place))
                    made.append(piece)
                    add(&draft, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece))
            elif step.sort == LINE:
                add(&draft, PyBytes_AS_STRING(line), PyBytes_GET_SIZE(line))
            elif step.sort == NUMBER:
                add(&draft, draft.digits[at], written(number, draft.digits[at]))
            elif milliseconds(slots + step.place) < 0:
                return b""
            elif step.sort == TIMESTAMP:
                add(&draft, slots[step.place].begin, slots[step.place].octets)
            else:
                add(&draft, draft.digits[at], written(milliseconds(slots + step.place), draft.digits[at]))
        return self.taken_over(&draft)

    cdef bint labelled(self, Draft* draft, const Step* step, const Slot* slot) noexcept:
        """False, and nothing added, when somebody has to look at the text."""
        cdef const char* text = slot.begin
        if slot.is_odd or (slot.marked and step.instead_octets == 0):
            return False
        if text[0] == c" " or text[slot.octets - 1] == c" " or slot.octets - slot.escapes > step.most:
            return False
        if step.sort == ADDRESS and not is_address(text, slot.octets):
            return False
        add(draft, step.text, step.octets)
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
                to = rewritten(to, cut, self.reader.marked)
        return message


cdef object text_of(const Slot* slot):
    return known(slot) if slot.is_text else slot.begin[: slot.octets].decode("ascii")


cdef inline void add(Draft* draft, const char* begin, Py_ssize_t octets) noexcept:
    draft.cuts[draft.many].begin = begin
    draft.cuts[draft.many].octets = octets
    draft.cuts[draft.many].step = NULL
    draft.many += 1
    draft.octets += octets


cdef char* rewritten(char* to, const Cut* cut, int marked) noexcept:
    """The text without the backslashes before quotes, and with something else for the marked octet."""
    cdef const char* at = cut.begin
    cdef const char* end = at + cut.octets
    while at < end:
        if at[0] == c"\\":
            at += 1
        if <unsigned char>at[0] == marked:
            memcpy(to, cut.step.instead, cut.step.instead_octets)
            to += cut.step.instead_octets
        else:
            to[0] = at[0]
            to += 1
        at += 1
    return to


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
