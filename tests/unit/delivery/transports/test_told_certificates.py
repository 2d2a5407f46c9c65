"""What the ssl module tells of certificates: the same as the library that takes them apart, or nothing."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import trustme

from lpforwarder.delivery.transports import certificate_facts as facts
from lpforwarder.delivery.transports.told_certificates import (
    NotTold,
    Told,
    authorities,
    collector,
    listed,
    of_session,
)
from tests.fakes.authority import ca_pem
from tests.fakes.pipes import pipe, without_waiting


class Shown:
    """A certificate that an authority made, as a handshake shows it."""

    def __init__(self, folder: Path, ca: trustme.CA, *names: str, common_name: str | None = None) -> None:
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(ca.cert_pem.bytes())
        leaf = ca.issue_cert(*names, common_name=common_name)
        trusting, serving = ssl.create_default_context(cafile=str(self.ca_file)), trustless()
        trusting.check_hostname = False
        leaf.configure_cert(serving)
        session = shaken(trusting, serving)
        self.told = of_session(session)
        self.der = session.getpeercert(binary_form=True) or b""
        self.unverified = of_session(shaken(unverifying(), serving))


def trustless() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def unverifying() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def shaken(client: ssl.SSLContext, server: ssl.SSLContext) -> ssl.SSLObject:
    """The client's side after a handshake in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(back, there, server_hostname="localhost")
    far = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (near, far):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    return near


NAMES = [
    ("siem.example.net",),
    ("a.example.net", "b.example.net", "c.example.net", "d.example.net", "*.example.net"),
    ("siem.example.net", "127.0.0.1", "2001:db8::1", "::1"),
]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("common_name", [None, "siem", "\x1b[2J\r\nroot", "Größe, \\ + \u202e" + "x" * 20])
def test_a_collector_is_called_as_the_library_calls_it(
    tmp_path: Path, names: tuple[str, ...], common_name: str | None
) -> None:
    shown = Shown(tmp_path, trustme.CA(), *names, common_name=common_name)
    assert collector(shown.told) == facts.of_collector(shown.der)
    assert collector(shown.told).subject.isprintable()


def test_of_one_that_was_not_verified_nothing_is_told(tmp_path: Path) -> None:
    shown = Shown(tmp_path, trustme.CA(), "siem.example.net")
    assert shown.unverified == {}
    with pytest.raises(NotTold):
        collector(shown.unverified)


@pytest.mark.parametrize(
    "organization", [None, "Example Corp", "R&D", "a, b", " spaces ", "#1", "Größe", "x=y"]
)
def test_authorities_are_called_as_the_library_calls_them_or_not_at_all(
    tmp_path: Path, organization: str | None
) -> None:
    unit = "Security" if organization else None
    shown = Shown(
        tmp_path, trustme.CA(organization_name=organization, organization_unit_name=unit), "siem.example.net"
    )
    try:
        told = authorities(shown.ca_file, shown.told)
    except NotTold:
        assert organization not in (None, "Example Corp")
    else:
        assert told == facts.of_authorities(shown.ca_file, shown.der)
        assert organization in (None, "Example Corp")


def test_the_one_that_issued_the_certificate_is_chosen_and_of_one_name_the_last_to_end(
    tmp_path: Path,
) -> None:
    shown = Shown(tmp_path, trustme.CA(), "siem.example.net")
    others = [ca_pem("A", days=20), ca_pem("B", days=10), ca_pem("A", days=90)]
    shown.ca_file.write_bytes(b"".join(others) + shown.ca_file.read_bytes())
    assert len(authorities(shown.ca_file, shown.told)) == 1
    assert authorities(shown.ca_file, shown.told) == facts.of_authorities(shown.ca_file, shown.der)
    unknown = authorities(shown.ca_file, {})
    assert [one.subject for one in unknown[:2]] == ["B", "A"]
    assert unknown == authorities(shown.ca_file, None) == facts.of_authorities(shown.ca_file)


def test_of_a_file_with_a_certificate_that_is_no_authority_nothing_is_told(tmp_path: Path) -> None:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    path.write_bytes(ca.cert_pem.bytes() + ca.issue_cert("siem.example.net").cert_chain_pems[0].bytes())
    with pytest.raises(NotTold):
        authorities(path, None)


def test_what_is_no_file_tells_nothing_and_nobody_waits_for_it(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    waits = pipe(tmp_path / "pipe")
    for path in (tmp_path / "absent", tmp_path / "empty", waits):
        with pytest.raises(NotTold):
            without_waiting(partial(authorities, path, None), waits)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"subject": ((("commonName", "siem"),),)},
        {"subject": ((("commonName", "siem"),),), "notAfter": "some day"},
        {
            "subject": ((("commonName", "siem"),),),
            "notAfter": "Nov 23 00:00:00 2030 GMT",
            "subjectAltName": (("IP Address", "<invalid>"),),
        },
        {
            "subject": ((("countryName", "DE"), ("organizationName", "Corp")),),
            "notAfter": "Nov 23 00:00:00 2030 GMT",
        },
        {"subject": ((("pseudonym", "x"),),), "notAfter": "Nov 23 00:00:00 2030 GMT"},
    ],
)
def test_what_is_told_by_halves_is_not_told(told: Told) -> None:
    with pytest.raises(NotTold):
        collector(told)


def test_names_beyond_the_third_are_counted() -> None:
    assert listed([]) == "no name"
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_the_library_is_not_loaded_for_a_collector_that_was_verified(tmp_path: Path) -> None:
    shown = Shown(tmp_path, trustme.CA(), "siem.example.net")
    program = (
        "import sys; from pathlib import Path; "
        "from lpforwarder.delivery.transports.credentials import Credentials; "
        "from lpforwarder.delivery.transports.options import TlsSettings; "
        "tls = TlsSettings.model_validate({'ca_file': sys.argv[1]}, context={'folder': Path('/')}); "
        "made = Credentials(tls); made.read(); made.show(b'der', eval(sys.argv[2])); "
        "print([one.kind for one in made.certificates], 'cryptography' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(shown.ca_file), repr(shown.told)], capture_output=True, text=True
    )
    assert done.stdout == "['collector', 'ca'] False\n", done.stderr
