"""What TLS adds to a link: who the far end is comes first, and files may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.delivery.transports.credentials import LOOK_EVERY
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.errors import Blocked
from tests.fakes.authority import Authority, replace
from tests.fakes.certificates import ServerTls
from tests.fakes.links import tls_options
from tests.fakes.patience import LaterClock, fails, until
from tests.fakes.tls_listener import Listener, listening


class Bench:
    """A link with a certificate of its own to a collector of the same authority."""

    def __init__(self, folder: Path, listener: Listener, authority: Authority) -> None:
        self.pair = Authority(folder / "ours").client()
        self.clock = LaterClock()
        tls = {
            "ca_file": authority.ca_file,
            "cert_file": self.pair.cert_file,
            "key_file": self.pair.key_file,
        }
        self.transport = TlsTransport(tls_options(listener.far_end.address, tls), clock=self.clock)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "theirs")


def test_a_collector_that_nobody_vouches_for_gets_no_octet(tmp_path: Path, authority: Authority) -> None:
    stranger = Authority(tmp_path / "stranger").server()
    with listening(ServerTls(pair=stranger), times=2) as listener:
        bench = Bench(tmp_path, listener, authority)
        with pytest.raises(Blocked):
            bench.transport.open()
        bench.transport.close()
    assert listener.octets == b""


def test_certificates_are_theirs_as_shown_then_ours_then_the_authoritys(
    tmp_path: Path, authority: Authority
) -> None:
    with listening(ServerTls(pair=authority.server())) as listener:
        bench = Bench(tmp_path, listener, authority)
        assert list(bench.transport.certificates) == []
        bench.transport.open()
        assert [each.kind for each in bench.transport.certificates] == ["collector", "client", "ca"]
        bench.transport.send([b"<1>a"])
        bench.transport.close()
    assert listener.octets == b"4 <1>a"


def test_a_file_that_cannot_be_used_any_more_is_an_alarm_and_the_link_stays(
    tmp_path: Path, authority: Authority
) -> None:
    with listening(ServerTls(pair=authority.server())) as listener:
        bench = Bench(tmp_path, listener, authority)
        bench.transport.open()
        assert list(bench.transport.alarms) == []
        replace(bench.pair.key_file, b"half a ke")

        def is_told() -> bool:
            bench.clock.later += LOOK_EVERY
            assert bench.transport.confirmed(0.0) == 0
            return [alarm.code for alarm in bench.transport.alarms] == ["LPF119"]

        until(is_told)
        bench.transport.close()


def test_a_link_that_is_not_open_says_so(tmp_path: Path, authority: Authority) -> None:
    with listening(ServerTls(pair=authority.server()), times=0) as listener:
        transport = Bench(tmp_path, listener, authority).transport
        with fails("LPF290"):
            transport.send([b"<1>a"])
