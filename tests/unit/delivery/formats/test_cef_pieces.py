"""Headers and pairs of CEF; what becomes of whole events stands in test_cef.py."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpforwarder.delivery.formats.cef_pieces import Pieces

PIECES = Pieces("LastPass", "Enterprise", "1.0", equals="\\=")
groups = st.lists(st.sampled_from(("0", "00", "1", "a", "ff", "db8", "ffff", "FF", "0db8", "")), max_size=9)
octets = st.lists(st.sampled_from(("0", "1", "01", "99", "100", "249", "255", "256", "٣", "")), max_size=5)
texts = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded),
    groups.map(":".join),
    groups.map("::".join),
    octets.map(".".join),
    octets.map(lambda parts: "::ffff:" + ".".join(parts)),
)


@given(text=texts)
@settings(deadline=None, max_examples=300)
def test_an_address_is_written_as_the_library_writes_it(text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        assert PIECES.source_ip(text, "") == ((f"lpforwarderSourceIpRaw={text}",) if text else ())
        return
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    key = "src=" if address.version == 4 else "c6a2Label=Source IPv6 Address c6a2="
    assert PIECES.source_ip(text, "") == (f"{key}{address}",)


@pytest.mark.parametrize("text", ["192.0.2.1\n", "2001:db8::1\n", "2001:db8::1%eth0", "192.0.2.1 x"])
def test_what_is_nearly_an_address_goes_under_a_key_of_ours(text: str) -> None:
    (pair,) = PIECES.source_ip(text, "")
    assert pair.startswith("lpforwarderSourceIpRaw=")


def test_a_header_escapes_the_pipe_and_names_what_the_table_knows() -> None:
    some = Pieces("A|B", "C\\", "1\n2", equals=":")
    assert some.header("1001", 3) == "CEF:0|A\\|B|C\\\\|1 2|1001|Login|3|"
    assert some.header("", 0) == "CEF:0|A\\|B|C\\\\|1 2|unknown|Audit event|0|"


def test_a_pair_is_cleaned_cut_and_escaped_in_this_order() -> None:
    assert PIECES.pair("msg=", " a=b\\c\n ", 100) == ("msg=a\\=b\\\\c\\n",)
    assert PIECES.pair("msg=", "====", 3) == ("msg=\\=\\=\\=",)
    assert PIECES.pair("msg=", "  ", 3) == ()
    assert Pieces("a", "b", "c", equals=":").pair("msg=", "a=b", 9) == ("msg=a:b",)


def test_an_id_that_does_not_fit_goes_whole_under_a_key_of_ours() -> None:
    assert PIECES.external_id("x" * 40) == ("externalId=" + "x" * 40,)
    assert PIECES.external_id("x" * 41) == ("lpforwarderEventUid=" + "x" * 41,)


def test_outcomes_are_two_words_or_what_the_vault_says() -> None:
    assert [*PIECES.outcome("success"), *PIECES.outcome(" denied ")] == ["outcome=success", "outcome=failure"]
    assert PIECES.outcome("unknown") == ("outcome=unknown",)
    assert PIECES.outcome("") == ()
