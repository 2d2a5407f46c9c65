"""What can stand between us and the vault, or in its place: proxies, filters, answers that no vault gives."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.event import Cursor
from lpforwarder.intake.sources.lastpass.answers import Response
from lpforwarder.intake.sources.lastpass.client import BURST, Client, Pace
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from tests.fakes.fronts import Asked, Dripping, Front, Proxy, answer
from tests.fakes.lastpass_account import START, Reader

SECRET = "0f3c5d7e9b1a2c4d6e8f0a1b2c3d4e5f60718293a4b5c6d7e8f9012345678900"
VAULT = "https://vault.example.net/enterpriseapi.php"


def options(folder: Path, **keys: Any) -> LastPassOptions:
    (folder / "acme.secret").write_text(SECRET)
    (folder / "acme.secret").chmod(0o600)
    given = {"name": "acme", "type": "lastpass", "account": "40012345", "proxy": "none"} | keys
    return LastPassOptions.model_validate(given, context={"folder": folder})


@contextmanager
def source(folder: Path, **keys: Any) -> Iterator[LastPassSource]:
    chosen = options(folder, **keys)
    made = LastPassSource(
        chosen, clock=lambda: START, client=Client(chosen, pace=Pace(lambda: 0.0, lambda _: None))
    )
    yield made
    made.close()


def refusal(made: LastPassSource) -> Failure:
    with pytest.raises(Failure) as caught:
        made.pull(None)
    return caught.value


def record(number: int, **fields: str) -> dict[str, str]:
    usual = {
        "Time": f"2026-03-04 12:59:{number:02d}",
        "Username": "ana",
        "IP_Address": "",
        "Action": "Log in",
    }
    return usual | {"Data": f"shop{number}.example.org"} | fields


# ---- whoever says no is asked slowly --------------------------------------------------------------------


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_who_may_not_read_the_report_is_not_asked_again_and_again(status: str, tmp_path: Path) -> None:
    with Front(answer('{"error": "no"}', status)) as front, source(tmp_path, url=front.url) as made:
        first = refusal(made)
        assert (type(first), first.code) == (Blocked, "LPF302")
        again = refusal(made)
        assert (type(again), again.what, len(front.asked)) == (Blocked, first.what, 1)
        made.try_again()
        refusal(made)
        assert len(front.asked) == 2


def test_a_certificate_that_is_not_believed_is_not_asked_for_again_and_again(tmp_path: Path) -> None:
    with secure_vault(tmp_path) as vault, source(tmp_path, url=vault.url) as made:
        assert [refusal(made).code, refusal(made).code] == ["LPF313", "LPF313"]
        assert vault.asked == []


# ---- the secret comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"status": "FAIL", "errors": [f"bad provhash {SECRET}"]}),
        json.dumps({"status": SECRET, "data": {}}),
        f'<lastpass rc="bad {SECRET}"/>',
        f'<lastpass rc="Authorization Error {SECRET}"/>',
        f"<html>{SECRET}</html>",
        SECRET,
    ],
)
def test_a_secret_that_the_far_side_repeats_is_in_no_message(body: str, tmp_path: Path) -> None:
    with Front(answer(body)) as front, source(tmp_path, url=front.url) as made:
        error = refusal(made)
        assert SECRET[:12] not in f"{error.what} {error.fix} {error!r}"
        assert SECRET in front.asked[0].body.decode()


def test_a_secret_that_the_far_side_repeats_is_in_no_event_and_no_record_set_aside(tmp_path: Path) -> None:
    data = [record(1, Data=f"{SECRET} to Team"), {"Time": SECRET}]
    body = json.dumps({"status": "OK", "next": None, "data": data})
    with Front(answer(body)) as front, source(tmp_path, url=front.url) as made:
        reader = Reader(made)
        (event,) = reader.read()
        assert event.text("vendorData") == "*** to Team"
        assert SECRET.encode() not in event.line + b"".join(reject.raw for reject in reader.rejects)
        assert len(reader.rejects) == 1


def test_a_redirect_is_not_followed_with_the_secret(tmp_path: Path) -> None:
    with Front(answer("")) as elsewhere:
        away = answer("", "307 Temporary Redirect", location=elsewhere.url)
        with Front(away) as front, source(tmp_path, url=front.url) as made:
            assert refusal(made).code == "LPF304"
        assert elsewhere.asked == []


# ---- answers in every shape -----------------------------------------------------------------------------

RECORDS = [record(number) for number in range(5, 0, -1)]
MAPPED = {f"Event{number}": one for number, one in enumerate(RECORDS, 1)}


@pytest.mark.parametrize(
    "kind",
    ["text/xml;charset=UTF-8", "application/json", "text/html", "text/plain;charset=utf-16", "nonsense"],
)
@pytest.mark.parametrize(
    "body",
    [
        {"status": "OK", "next": None, "data": MAPPED},
        {"status": "ok ", "data": RECORDS},
        {"status": "success", "next": "", "data": dict(reversed(MAPPED.items()))},
        RECORDS,
    ],
    ids=["map", "siem", "map in another order", "bare list"],
)
def test_the_body_decides_and_never_the_content_type(body: Any, kind: str, tmp_path: Path) -> None:
    with Front(answer(json.dumps(body), content_type=kind)) as front, source(tmp_path, url=front.url) as made:
        events = Reader(made).read()
    assert [event.text("itemName") for event in events] == [f"shop{n}.example.org" for n in range(1, 6)]


def test_events_as_xml_are_named_with_what_has_made_them(tmp_path: Path) -> None:
    body = '<?xml version="1.0"?><r><Event1 Time="2026-03-04 12:59:01" Action="Log in"/></r>'
    with Front(answer(body)) as front, source(tmp_path, url=front.url) as made:
        error = refusal(made)
    assert (type(error), error.code) == (Transient, "LPF309")
    assert "changed the request" in error.what
    assert "proxy" in error.fix


def test_events_under_one_key_are_events_all_the_same(tmp_path: Path) -> None:
    twice = json.dumps({"status": "OK", "next": None, "data": MAPPED}).replace('"Event4"', '"Event2"')
    with Front(answer(twice)) as front, source(tmp_path, url=front.url) as made:
        assert len(Reader(made).read()) == 5


def test_every_request_is_json_in_the_body_and_nothing_in_the_query(tmp_path: Path) -> None:
    with Front(answer(json.dumps({"status": "OK", "data": []}))) as front:
        with source(tmp_path, url=front.url) as made:
            Reader(made).read()
        for asked in front.asked:
            assert asked.head.startswith("POST /enterpriseapi.php HTTP/1.1\r\n")
            assert asked.header("content-type") == "application/json"
            assert asked.header("cookie") == ""
            call = json.loads(asked.body)
            assert (call["cid"], call["cmd"], call["data"]["user"]) == (40012345, "reporting", "allusers")
            assert "format" not in call["data"]


@pytest.mark.parametrize("marker", [1772648527918273, "1772648527918273", 1.5, {"a": [1]}, True])
def test_a_marker_goes_back_exactly_as_it_came(marker: Any, tmp_path: Path) -> None:
    first = json.dumps({"status": "OK", "next": marker, "data": MAPPED})
    last = json.dumps({"status": "OK", "next": None, "data": [record(0)]})

    def given(asked: Asked) -> bytes:
        return answer(last if "next" in json.loads(asked.body)["data"] else first)

    with Front(given) as front, source(tmp_path, url=front.url) as made:
        assert len(Reader(made).read()) == 6
        sent = [json.loads(asked.body)["data"] for asked in front.asked]
        markers = [data["next"] for data in sent if "next" in data]
        assert markers == [marker]
        assert type(markers[0]) is type(marker)
        follower = next(place for place, data in enumerate(sent) if "next" in data)
        assert sent[follower] == sent[follower - 1] | {"next": marker}


# ---- one at a time --------------------------------------------------------------------------------------


def test_one_request_is_in_flight_at_a_time(tmp_path: Path) -> None:
    busy, most = threading.Semaphore(1), []

    def given(_: Asked) -> bytes:
        most.append(busy.acquire(blocking=False))
        try:
            return answer(json.dumps({"status": "OK", "next": None, "data": MAPPED}))
        finally:
            busy.release()

    with Front(given) as front, source(tmp_path, url=front.url, first_start="40d") as made:
        Reader(made).read()
    assert len(most) > 5
    assert all(most)


def test_after_a_few_requests_there_is_a_pause_before_each(tmp_path: Path) -> None:
    now, pauses = [100.0], []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    with Front(answer(json.dumps({"status": "OK", "next": None, "data": MAPPED}))) as front:
        chosen = options(tmp_path, url=front.url, first_start="80d")
        client = Client(chosen, pace=Pace(lambda: now[0], pause))
        made = LastPassSource(chosen, clock=lambda: START, client=client)
        Reader(made).read()
        made.close()
        assert len(front.asked) > BURST + 2
        assert pauses == [1.0] * (len(front.asked) - BURST)


def test_headers_that_never_end_are_cut_off_at_the_timeout(tmp_path: Path) -> None:
    with Dripping(answer("x" * 400)) as front, source(tmp_path, url=front.url, timeout="1s") as made:
        began = time.monotonic()
        error = refusal(made)
        assert (type(error), error.code) == (Transient, "LPF315")
        assert time.monotonic() - began < 5


def test_a_server_that_says_nothing_to_tls_is_left_at_the_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/enterpriseapi.php"
        with source(tmp_path, url=url, timeout="1s") as made:
            began = time.monotonic()
            error = refusal(made)
            assert (type(error), error.code) == (Transient, "LPF315")
            assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "octets",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 100,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: Fri, 31 Dec 9999 23:59:59 GMT\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 200 OK\r\nDate: \xff\xfe\r\nContent-Length: 17\r\n\r\n{"data":"\xe9","a":1}',
    ],
    ids=lambda octets: repr(octets[:60]),
)
def test_what_is_no_answer_of_a_vault_is_trouble_and_never_a_bug(octets: bytes, tmp_path: Path) -> None:
    with Front(octets) as front, source(tmp_path, url=front.url, timeout="2s") as made:
        assert isinstance(refusal(made), Transient)


# ---- proxies --------------------------------------------------------------------------------------------


@contextmanager
def secure_vault(folder: Path) -> Iterator[PretendVault]:
    """Speaks HTTPS as vault.example.net and as 127.0.0.1; `folder`/ca.pem is its authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("vault.example.net", "127.0.0.1").configure_cert(context)
    settings = VaultOptions(events=20, days=0.5, ending=START)
    with PretendVault(options=settings, tls=context, clock=lambda: START) as vault:
        yield vault


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """The process's own environment with these proxies and no other."""
    names = [name for name in os.environ if name.lower().endswith("_proxy")]
    before = {name: os.environ.pop(name) for name in names}
    os.environ.update(values)
    yield
    for name in values:
        del os.environ[name]
    os.environ.update(before)


def events_through(folder: Path, **keys: Any) -> int:
    with source(folder, url=VAULT, ca_file=str(folder / "ca.pem"), **keys) as made:
        return len(Reader(made).read())


def test_a_proxy_of_the_configuration_carries_the_calls_and_sees_no_secret(tmp_path: Path) -> None:
    with secure_vault(tmp_path) as vault, Proxy(vault.address) as proxy:
        assert events_through(tmp_path, proxy=proxy.url) == 20
        assert {asked.head.split()[1] for asked in proxy.asked} == {"vault.example.net:443"}
        assert not any(asked.body or SECRET in asked.head for asked in proxy.asked)


def test_a_proxy_of_the_environment_gets_its_login(tmp_path: Path) -> None:
    with secure_vault(tmp_path) as vault, Proxy(vault.address, login="joe:p@ss of joe") as proxy:
        login = f"http://joe:p%40ss%20of%20joe@127.0.0.1:{proxy.port}"
        with environment(HTTPS_PROXY=login):
            assert events_through(tmp_path, proxy="env") == 20
        with environment(HTTPS_PROXY=proxy.url), source(tmp_path, url=VAULT, proxy="env") as made:
            error = refusal(made)
            assert isinstance(error, Transient)
            assert (error.code, "407" in error.what) == ("LPF312", True)


def test_a_proxy_that_opens_tls_is_believed_only_with_its_authority(tmp_path: Path) -> None:
    with secure_vault(tmp_path) as vault, Proxy(vault.address) as proxy:
        with source(tmp_path, url=VAULT, proxy=proxy.url) as made:
            error = refusal(made)
            assert (type(error), error.code, "ca_file" in error.fix) == (Blocked, "LPF313", True)
        assert vault.asked == []
        assert events_through(tmp_path, proxy=proxy.url) == 20


def test_a_login_page_of_a_proxy_is_told_from_refused_credentials(tmp_path: Path) -> None:
    with secure_vault(tmp_path) as vault, Proxy(vault.address) as proxy:
        vault.fail_next(Fault.PROXY_LOGIN)
        with source(tmp_path, url=VAULT, proxy=proxy.url, ca_file=str(tmp_path / "ca.pem")) as made:
            error = refusal(made)
        assert (type(error), error.code) == (Transient, "LPF304")
        assert "proxy" in error.fix


# ---- clocks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days_ahead", [-40.0, -3.0, 0.5, 1.5, 3.0, 40.0])
@pytest.mark.parametrize("first_start", ["24h", "3d"])
def test_a_clock_of_ours_that_is_days_off_loses_and_repeats_nothing(
    days_ahead: float, first_start: str, tmp_path: Path
) -> None:
    now, chosen = [START], None
    with PretendVault(options=VaultOptions(), clock=lambda: now[0]) as vault:
        chosen = options(tmp_path, url=vault.url, first_start=first_start)
        client = Client(chosen, pace=Pace(lambda: 0.0, lambda _: None))
        made = LastPassSource(chosen, clock=lambda: now[0] + days_ahead * 86_400, client=client)
        reader, wanted, got = Reader(made), [], []
        for hour in range(30):
            wanted.append(f"shop{hour}.example.org")
            add(vault, now[0] - 1, wanted[-1])
            got += [event.text("itemName") for event in reader.read()]
            now[0] += 3600
        got += [event.text("itemName") for event in reader.read()]
        made.close()
    assert got == wanted
    assert reader.cursor != Cursor("")


class Interrupted(Client):
    """Lets something happen while a call waits for its turn: its label is written, it is not made yet."""

    def __init__(self, options: LastPassOptions, meanwhile: Callable[[], None]) -> None:
        super().__init__(options, pace=Pace(lambda: 0.0, lambda _: None))
        self._meanwhile = meanwhile

    def ask(self, secret: Secret, label: str, data: dict[str, Any]) -> Response:
        self._meanwhile()
        return super().ask(secret, label, data)


@pytest.mark.parametrize("jumps", [(1, 0), (-1, 0), (1, -1, 0), (24, -24, 0), (1, -1, 24, -24, 0) * 2])
@pytest.mark.parametrize("polls", [1, 20])
def test_a_clock_of_ours_that_jumps_is_no_move_of_the_account(
    jumps: tuple[int, ...], polls: int, tmp_path: Path
) -> None:
    """`jumps` are hours that our clock is ahead, one after the other; the vault's is always right."""
    now, ahead, next_ahead = [START], [0.0], [0.0]

    def jump() -> None:
        ahead[0] = next_ahead[0]

    with PretendVault(options=VaultOptions(), clock=lambda: now[0]) as vault:
        chosen = options(tmp_path, url=vault.url)
        client = Interrupted(chosen, jump)
        made = LastPassSource(chosen, clock=lambda: now[0] + ahead[0], client=client)
        reader, wanted, got = Reader(made), [], []
        for number, hours in enumerate(jump for jump in (0, *jumps) for _ in range(polls)):
            next_ahead[0] = hours * 3600
            wanted.append(f"shop{number}.example.org")
            add(vault, now[0] - 1, wanted[-1])
            got += [event.text("itemName") for event in reader.read()]
            assert [alarm.code for alarm in made.alarms if alarm.code == "LPF318"] == [], f"poll {number}"
            now[0] += 2
        got += [event.text("itemName") for event in reader.read()]
        made.close()
    assert got == wanted


def add(vault: PretendVault, at: float, data: str) -> None:
    from lpforwarder.simulator.vault.event import VaultEvent

    vault.add(VaultEvent(at=round(at * 1e6), username="ana", ip_address="", action="Log in", data=data))
