from __future__ import annotations

from lpforwarder.intake.sources.records import KEPT, Limits, too_long


def test_the_fault_of_a_long_record_names_the_limit_and_keeps_the_beginning() -> None:
    fault = too_long(17, b"ab" * KEPT, Limits(longest=100_000))
    assert (fault.number, fault.raw) == (17, b"ab" * (KEPT // 2))
    assert fault.reason == "longer than 100000 octets; only its beginning is kept"


def test_a_window_is_never_wider_than_a_record_may_be() -> None:
    assert Limits().window <= Limits().longest
