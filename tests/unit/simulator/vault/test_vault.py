from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from lpforwarder.simulator.vault.answers import AUTHORIZATION_ERROR
from lpforwarder.simulator.vault.catalogue import SECRET_REGENERATED, to_title_case
from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.faults import IN_FRONT, Fault, FaultPlan
from lpforwarder.simulator.vault.options import Renaming, VaultOptions
from lpforwarder.simulator.vault.vault import Vault

MakeEvent = Callable[..., VaultEvent]
Ask = Callable[..., dict[str, Any]]


class Watch(Protocol):
    """What the fixture of this name offers."""

    seconds: float

    def __call__(self) -> float: ...

    def forward(self, seconds: float) -> None: ...


def body(vault: Vault, **fields: Any) -> bytes:
    return json.dumps(
        {"cid": vault.options.account, "provhash": vault.secret, "cmd": "reporting"} | fields
    ).encode()


def actions(vault: Vault) -> list[str]:
    return [event.action for event in vault.truth()]


def test_a_call_sees_what_happened_and_leaves_its_own_event_to_later_calls(
    watch: Watch, event: MakeEvent, ask: Ask
) -> None:
    vault = Vault(clock=watch)
    vault.add(event(watch.seconds - 1))
    assert [e["Action"] for e in ask(vault, apiuser="host7")["data"].values()] == ["Log in"]
    watch.forward(5)
    assert ask(vault)["data"]["Event1"] == {
        "Time": "2026-03-04 13:00:00",
        "Username": "",
        "IP_Address": "192.0.2.10",
        "Action": "Reporting",
        "Data": "Initiated by API: host7",
    }


@pytest.mark.parametrize(
    ("own_username", "label", "username", "data"),
    [
        ("empty", "", "", "Initiated by API"),
        ("api", "host7", "API", "Initiated by API: host7"),
        ("label", "host7", "API: host7", "Initiated by API: host7"),
        ("label", "", "API", "Initiated by API"),
    ],
)
def test_an_own_event_has_three_forms_of_user_name(
    own_username: str, label: str, username: str, data: str, watch: Watch, ask: Ask
) -> None:
    vault = Vault(VaultOptions(), clock=watch)
    vault.change(own_username=own_username)
    ask(vault, apiuser=label)
    (own,) = vault.truth()
    assert (own.username, own.data) == (username, data)


@pytest.mark.parametrize("wrong", [{"cid": 1}, {"provhash": "x"}, {"provhash": ""}, {"provhash": None}])
def test_wrong_credentials_get_the_recorded_octets_and_leave_nothing(
    wrong: dict[str, Any], watch: Watch
) -> None:
    vault = Vault(clock=watch)
    assert vault.answer(body(vault, **wrong)).reply.body == AUTHORIZATION_ERROR
    assert vault.answer(b"not json").reply.body == AUTHORIZATION_ERROR
    assert vault.truth() == []
    assert [asked.accepted for asked in vault.asked] == [False, False]


def test_a_secret_without_characters_never_lets_anybody_in(watch: Watch) -> None:
    vault = Vault(VaultOptions(secret=""), clock=watch)
    assert vault.answer(b"{}").reply.body == AUTHORIZATION_ERROR


def test_other_commands_answer_a_little_and_leave_their_own_events(watch: Watch, ask: Ask) -> None:
    vault = Vault(clock=watch)
    assert ask(vault, {"pagesize": 1}, cmd="getuserdata")["count"] == 1
    assert "101" in ask(vault, cmd="getsfdata")
    assert actions(vault) == ["Get user data", "Get shared folder data"]


def test_an_unknown_command_fails_in_json_and_leaves_nothing(watch: Watch, ask: Ask) -> None:
    vault = Vault(clock=watch)
    answer = ask(vault, cmd="deluser")
    assert answer["status"] == "FAIL"
    assert "deluser" in answer["errors"][0]
    assert vault.truth() == []


def test_a_bad_parameter_fails_in_json_and_still_counts_as_a_call(watch: Watch, ask: Ask) -> None:
    vault = Vault(clock=watch)
    assert ask(vault, {"from": "x"}) == {
        "status": "FAIL",
        "errors": ["from is not a time: YYYY-MM-DD HH:MM:SS"],
    }
    assert actions(vault) == ["Reporting"]


def test_time_passes_by_the_clock_alone(watch: Watch) -> None:
    vault = Vault(VaultOptions(events=100, days=1.0, ending=watch.seconds + 86_400, rate=1.0), clock=watch)
    assert len(vault) == 0
    watch.forward(43_200)
    assert 45 <= len(vault) <= 55
    watch.forward(43_200 + 50)
    assert 145 <= len(vault) <= 151


def test_late_events_appear_behind_a_poll(watch: Watch, ask: Ask) -> None:
    options = VaultOptions(rate=1.0, late_share=0.5, late_seconds=60.0, twin_share=0.0)
    vault = Vault(options, clock=watch)
    watch.forward(100)
    seen = {event.at for event in vault.truth()}
    watch.forward(100)
    came_later = [event.at for event in vault.truth() if event.at not in seen]
    assert min(came_later) < max(seen)


def test_two_vaults_of_one_seed_answer_alike_octet_for_octet(watch: Watch) -> None:
    options = VaultOptions(events=300, late_share=0.1, page_size=100)
    first, second = (Vault(options, clock=watch) for _ in range(2))
    assert first.answer(body(first)).reply == second.answer(body(second)).reply
    assert first.truth() == second.truth()


def test_a_change_of_zone_counts_from_the_next_answer(watch: Watch, event: MakeEvent, ask: Ask) -> None:
    vault = Vault(VaultOptions(zone="UTC"), clock=watch)
    vault.add(event(watch.seconds - 60))
    assert ask(vault)["data"]["Event1"]["Time"] == "2026-03-04 17:59:00"
    watch.forward(60)
    vault.set_zone("Asia/Kolkata")
    assert [e["Time"] for e in ask(vault)["data"].values()] == ["2026-03-04 23:30:00", "2026-03-04 23:29:00"]
    vault.change(zone_rule="event")
    times = [event.time for event in vault.truth()]
    assert times == ["2026-03-04 17:59:00", "2026-03-04 18:00:00", "2026-03-04 23:31:00"]


def test_a_reset_secret_refuses_the_old_one_and_says_so_in_the_feed(watch: Watch, ask: Ask) -> None:
    vault = Vault(clock=watch)
    old = body(vault)
    new = vault.reset_secret()
    assert len(new) == 64
    assert vault.answer(old).reply.body == AUTHORIZATION_ERROR
    assert ask(vault)["data"]["Event1"]["Action"] == SECRET_REGENERATED
    assert vault.reset_secret("given") == vault.secret == "given"


def test_new_secrets_follow_from_the_seed(watch: Watch) -> None:
    one, same, other = (Vault(VaultOptions(seed=seed), clock=watch) for seed in (5, 5, 6))
    secrets = [vault.reset_secret() for vault in (one, same, other)]
    assert secrets[0] == secrets[1] != secrets[2]
    assert one.reset_secret() == same.reset_secret() != secrets[0]


def test_the_secret_can_be_reset_in_the_middle_of_a_chain(watch: Watch, event: MakeEvent, ask: Ask) -> None:
    vault = Vault(VaultOptions(page_size=1), clock=watch)
    for seconds in (1, 2, 3):
        vault.add(event(watch.seconds - seconds))
    vault.plan_faults(FaultPlan(chances={Fault.HASH_RESET: 1.0}))
    marker = ask(vault)["next"]
    assert vault.answer(body(vault, data={"next": marker})).reply.body == AUTHORIZATION_ERROR
    assert actions(vault)[-1] == SECRET_REGENERATED


def test_a_renaming_changes_what_is_shown_from_an_instant_on(watch: Watch, event: MakeEvent) -> None:
    vault = Vault(clock=watch)
    vault.rename(Renaming(names=to_title_case(), since=round(watch.seconds * SECOND)))
    for seconds in (-1, 1):
        vault.add(event(watch.seconds + seconds, action="Failed login attempt"))
    assert actions(vault) == ["Failed login attempt", "Failed Login Attempt"]
    vault.rename(None)
    assert set(actions(vault)) == {"Failed login attempt"}


def test_the_era_of_title_case_writes_its_own_events_in_it(watch: Watch, ask: Ask) -> None:
    vault = Vault(VaultOptions(spelling="title"), clock=watch)
    ask(vault, cmd="getuserdata")
    assert actions(vault) == ["Get User Data"]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault in IN_FRONT])
def test_what_fails_in_front_never_reaches_the_service(fault: Fault, watch: Watch) -> None:
    vault = Vault(clock=watch)
    vault.fail_next(fault)
    assert vault.answer(body(vault)).fault is fault
    assert vault.truth() == []
    assert vault.answer(body(vault)).fault is None


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in IN_FRONT | {Fault.HASH_RESET}])
def test_what_fails_later_has_been_counted_as_a_call(fault: Fault, watch: Watch) -> None:
    vault = Vault(VaultOptions(large_octets=1_000), clock=watch)
    vault.fail_next(fault)
    assert vault.answer(body(vault)).fault is fault
    assert actions(vault) == ["Reporting"]


def test_a_status_other_than_ok_comes_with_errors(watch: Watch, ask: Ask) -> None:
    vault = Vault(clock=watch)
    vault.fail_next(Fault.STATUS_NOT_OK)
    answer = ask(vault)
    assert answer["status"] == "FAIL"
    assert answer["errors"]


def test_xml_comes_for_fields_in_the_query_and_as_a_fault(watch: Watch, event: MakeEvent) -> None:
    vault = Vault(clock=watch)
    vault.add(event(watch.seconds - 60))
    query = f"cid={vault.options.account}&provhash={vault.secret}&cmd=reporting&from=2030-01-01%2000:00:00"
    assert b"<Event1 " in vault.answer(b"", query).reply.body
    vault.fail_next(Fault.XML_LIST)
    assert vault.answer(body(vault)).reply.body.startswith(b"<?xml")


def test_the_siem_format_is_a_list(watch: Watch, ask: Ask) -> None:
    assert ask(Vault(clock=watch), {"format": "siem"})["data"] == []


def test_answers_are_packed_only_for_those_who_take_it(watch: Watch) -> None:
    vault = Vault(VaultOptions(compress=True), clock=watch)
    plain = vault.answer(body(vault)).reply
    packed = vault.answer(body(vault, data={"to": "2020-01-01 00:00:00"}), accepts_gzip=True).reply
    assert not plain.has_header("Content-Encoding")
    assert gzip.decompress(packed.body) == plain.body


def test_what_was_asked_is_remembered_without_the_secret(watch: Watch, ask: Ask) -> None:
    vault = Vault(clock=watch)
    ask(vault, {"from": "2026-03-04 00:00:00"}, apiuser="host7")
    (asked,) = vault.asked
    assert asked.call.data == {"from": "2026-03-04 00:00:00"}
    assert asked.call.secret == ""
    assert asked.accepted


def test_switches_change_while_it_runs_but_not_those_that_have_done_their_work(watch: Watch) -> None:
    vault = Vault(clock=watch)
    vault.change(page_size=5)
    assert vault.options.page_size == 5
    with pytest.raises(ValueError, match="seed"):
        vault.change(seed=2)
    with pytest.raises(ValueError, match="empty"):
        vault.change(empty="nothing")
    with pytest.raises(TypeError):
        vault.change(pagesize=5)


def test_calls_from_many_threads_are_all_counted(watch: Watch) -> None:
    vault = Vault(clock=watch)
    threads = [
        threading.Thread(target=lambda: [vault.answer(body(vault)) for _ in range(25)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(vault) == 200
