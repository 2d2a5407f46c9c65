"""The client against a real socket: every fault has a name, and nothing holds it up or fills its memory."""

from __future__ import annotations

import gzip
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.intake.sources.lastpass import answers
from lpforwarder.intake.sources.lastpass.client import BURST, Client, Pace, _unpacked
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from tests.fakes.lastpass_account import Account


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with Account(tmp_path, events=300, days=1.0, drip_pause_seconds=0.2) as account:
        yield account


def ask(account: Account, client: Client) -> answers.Report:
    try:
        response = client.ask(Secret(account.vault.secret), "lpforwarder/01234567/1", {})
        return answers.read(response, secret_place="acme.secret", now=account.now)
    finally:
        client.close()


NAMED = {
    Fault.RATE_LIMITED: "LPF303",
    Fault.RATE_LIMITED_WITH_WAIT: "LPF303",
    Fault.FORBIDDEN: "LPF304",
    Fault.SERVER_ERROR: "LPF305",
    Fault.BAD_GATEWAY: "LPF305",
    Fault.UNAVAILABLE: "LPF305",
    Fault.PROXY_LOGIN: "LPF304",
    Fault.CLOSED: "LPF306",
    Fault.STATUS_NOT_OK: "LPF307",
    Fault.RESET_IN_HEADERS: "LPF306",
    Fault.RESET_IN_BODY: "LPF306",
    Fault.TRUNCATED_BODY: "LPF306",
    Fault.TRUNCATED_JSON: "LPF306",
    Fault.BROKEN_CHUNKS: "LPF306",
    Fault.NOT_UTF8: "LPF306",
    Fault.XML_LIST: "LPF309",
    Fault.HASH_RESET: "LPF301",
}


@pytest.mark.parametrize("fault", NAMED, ids=lambda fault: fault.name)
def test_every_fault_has_its_name_and_none_shows_the_secret(account: Account, fault: Fault) -> None:
    client, secret = account.client(), account.vault.secret
    account.vault.fail_next(fault)
    with pytest.raises(Failure) as caught:
        ask(account, client)
    assert caught.value.code == NAMED[fault]
    assert isinstance(caught.value, Blocked) == (fault is Fault.HASH_RESET)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert secret not in repr(chain) + str(vars(chain))
        chain = chain.__cause__ or chain.__context__


def test_retry_after_is_passed_on(account: Account) -> None:
    account.vault.fail_next(Fault.RATE_LIMITED_WITH_WAIT)
    with pytest.raises(Transient) as caught:
        ask(account, account.client())
    assert caught.value.retry_after == 2.0


@pytest.mark.parametrize(
    "switches", [{}, {"compress": True}, {"chunked": True}, {"compress": True, "chunked": True}]
)
def test_an_answer_is_read_however_it_is_packed(account: Account, switches: dict[str, Any]) -> None:
    account.vault.change(**switches)
    assert len(ask(account, account.client()).records) == 300
    account.vault.fail_next(Fault.GZIP_BODY)
    assert len(ask(account, account.client()).records) == 301


def test_each_call_is_two_signs_of_life_whatever_comes_of_it(account: Account) -> None:
    client = account.client(timeout="1s")
    ask(account, client)
    assert client.pulse == 2
    account.vault.fail_next(Fault.CLOSED)
    with pytest.raises(Transient):
        ask(account, client)
    assert client.pulse == 4


def test_a_slow_drip_ends_at_the_timeout(account: Account) -> None:
    account.vault.fail_next(Fault.SLOW_DRIP)
    began = time.monotonic()
    with pytest.raises(Transient) as caught:
        ask(account, account.client(timeout="1s"))
    assert caught.value.code == "LPF315"
    assert time.monotonic() - began < 5


def test_silence_ends_at_the_timeout(account: Account) -> None:
    account.vault.fail_next(Fault.SILENCE)
    with pytest.raises(Transient) as caught:
        ask(account, account.client(timeout="1s"))
    assert caught.value.code == "LPF315"


@pytest.mark.parametrize("fault", [Fault.GZIP_BOMB, Fault.LARGE_PAGE])
def test_what_is_too_large_is_not_read_to_its_end(account: Account, fault: Fault) -> None:
    account.vault.fail_next(fault)
    with pytest.raises(Transient) as caught:
        ask(account, account.client(largest=2**20))
    assert caught.value.code == "LPF314"


def test_what_is_packed_is_unpacked_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(32 * 2**20))
    sizes = [len(piece) for piece in _unpacked(iter([bomb]), "gzip")]
    assert (sum(sizes), max(sizes)) == (32 * 2**20, 65_536)


def test_nobody_there_is_told_from_no_answer(account: Account) -> None:
    account.vault.close()
    client = Client(account_options(account, "http://127.0.0.1:1/enterpriseapi.php"))
    with pytest.raises(Transient, match="cannot reach") as caught:
        ask(account, client)
    assert caught.value.code == "LPF312"


def account_options(account: Account, url: str, **keys: Any) -> Any:
    from lpforwarder.intake.sources.lastpass.options import LastPassOptions

    data = {
        "name": "acme",
        "type": "lastpass",
        "account": "40012345",
        "url": url,
        "secret_file": str(account.secret),
    }
    return LastPassOptions.model_validate(data | keys, context={"folder": account.folder})


def test_a_proxy_that_is_not_there_is_named(account: Account) -> None:
    client = Client(
        account_options(account, "https://vault.example.net/enterpriseapi.php", proxy="http://127.0.0.1:1")
    )
    with pytest.raises(Transient, match="proxy") as caught:
        ask(account, client)
    assert caught.value.code == "LPF312"


def test_a_vault_is_believed_only_with_a_certificate_of_a_known_authority(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, ca in (("known.pem", authority), ("other.pem", stranger)):
        ca.cert_pem.write_to_path(str(tmp_path / name))
    account = Account(tmp_path)
    with PretendVault(options=VaultOptions(events=3), tls=context) as vault:
        good = Client(account_options(account, vault.url, ca_file="known.pem"))
        bad = Client(account_options(account, vault.url, ca_file="other.pem"))
        assert len(ask(account, good).records) == 3
        with pytest.raises(Blocked) as caught:
            ask(account, bad)
        assert caught.value.code == "LPF313"
        assert len(vault.asked) == 1


def test_a_few_requests_go_at_once_and_further_ones_a_second_apart() -> None:
    now, waits = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    pace = Pace(lambda: now[0], sleep)
    for _ in range(BURST + 3):
        pace.wait()
    assert waits == [1.0, 1.0, 1.0]
    now[0] += 60
    pace.wait()
    assert len(waits) == 3


@pytest.mark.parametrize("marker", ["\ud800", 2**70, "\x00", {"a": [1]}, 1.5])
def test_a_marker_goes_back_whatever_it_is(account: Account, marker: Any) -> None:
    client = Client(account.options())
    try:
        response = client.ask(Secret(account.vault.secret), "lpforwarder/01234567/1", {"next": marker})
    finally:
        client.close()
    assert response.status in (200, 400)
