"""Events as an attacker would write them: strategies for Hypothesis, and the canonical names."""

from __future__ import annotations

from hypothesis import strategies as st

from lpforwarder.event import JSON, Entry, Event, Seq

TEXT_FIELDS = (
    *("id", "eventId", "eventType", "sourceIp", "sourceUser", "targetUser", "result", "method", "mfaType"),
    *("itemName", "folderName", "attribute", "action", "message", "reason", "source", "vendorAction"),
    *("vendorData", "sourceIpRaw"),
)
FIELDS = (*TEXT_FIELDS, "timestamp", "mfa", "severity", "targetUsers", "timestampAmbiguous", "truncated")

SNIPPETS = (
    *("\\", "=", "|", "]", '"', "\r\n", "\n", "\r", "\t", "\x00", "\x1b[31m", "\x7f", "\x85", "\x9f"),
    *(
        "\u2028",
        "\u2029",
        "\ufeff",
        "\u202e",
        "\u200b",
        "\ud800",
        "\udfff",
        "\ud83d\ude00",
        "😀",
        "é",
        "Привет",
    ),
    *(" ", "  ", "x duser=admin", "a|b", "\\|", "\\=", "\\n", "C:\\new", "</", "<86>1 - - - - - -", "]]>"),
    *("None", "null", "NaN", "CEF:0|", "\nCEF:0|a|b|c|d|e|1|", "10 <0>1 ", "-", '[a@1 b="c"]'),
)
"""Texts that have broken log formats before."""

hostile_text = st.lists(st.one_of(st.sampled_from(SNIPPETS), st.text(max_size=4)), max_size=6).map("".join)

times = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
    st.sampled_from(("2026-03-04T05:06:60Z", "2026-03-04t05:06:07z", "2026-13-04T05:06:07.000Z", "", "-")),
    hostile_text,
)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.integers(min_value=2**63, max_value=2**1100)
)

values: st.SearchStrategy[JSON] = st.recursive(
    st.one_of(scalars, hostile_text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(hostile_text, inner, max_size=3)),
    max_leaves=4,
)

addresses = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(("::ffff:192.0.2.1", "fe80::1%eth0", "010.1.1.1", "192.0.2.1:80", "１.2.3.4", "unknown")),
    hostile_text,
)

canonical_fields = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(TEXT_FIELDS, hostile_text),
        "timestamp": times,
        "sourceIp": addresses,
        "eventId": st.one_of(st.sampled_from(("1001", "4001")), hostile_text),
        "result": st.one_of(st.sampled_from(("success", "failure", "denied")), hostile_text),
        "mfa": st.one_of(st.booleans(), hostile_text),
        "severity": st.integers(-1, 11),
        "targetUsers": st.lists(hostile_text, max_size=3),
        "timestampAmbiguous": st.booleans(),
    },
)
"""Every field of its usual type, with hostile contents."""

any_fields = st.dictionaries(st.one_of(st.sampled_from(FIELDS), hostile_text), values, max_size=4)
"""Whatever JSON can say, under canonical and other names."""

fields = st.one_of(
    canonical_fields,
    any_fields,
    st.tuples(canonical_fields, any_fields).map(lambda two: {**two[0], **two[1]}),
)
events = fields.map(Event.of)


def entry_of(event: Event) -> Entry:
    """The event at some place in the journal, from a source named acme."""
    return Entry(Seq(1), "acme", event)
