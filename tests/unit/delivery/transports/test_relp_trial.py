"""A RELP link tried step by step: what each step says, and where it stops."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.delivery.transports.relp_options import RelpTlsOptions
from lpforwarder.delivery.transports.relp_trial import ACKNOWLEDGED, RelpTrial
from lpforwarder.delivery.transports.trial import Step
from lpforwarder.errors import Blocked, Failure
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.links import FarEnd
from tests.fakes.patience import PATIENCE, Stopwatch, beside, fails
from tests.fakes.relp_links import RelpEnd, relp_options

MESSAGES = [b"<1>first", b"<2>second\nline"]


@contextlib.contextmanager
def pretending(
    tls: ServerTls | None = None, **manners: Any
) -> Iterator[tuple[PretendCollector, list[bytes]]]:
    received: list[bytes] = []
    with PretendCollector(
        ("127.0.0.1", 0),
        tls.context() if tls else None,
        on_message=received.append,
        relp=RelpManners(**manners),
        on_problem=lambda _: None,
    ) as collector:
        yield collector, received


def walk(trial: RelpTrial) -> tuple[list[Step], Failure | None]:
    """The steps, and what ended them before their time."""
    steps: list[Step] = []
    try:
        steps.extend(trial.steps(MESSAGES))
    except Failure as error:
        return steps, error
    return steps, None


def shown(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.name, step.result) for step in steps]


def test_each_step_is_shown_and_each_message_acknowledged() -> None:
    with pretending() as (collector, received):
        steps, failure = walk(RelpTrial(relp_options(collector.address)))
    assert failure is None
    assert shown(steps) == [
        ("name lookup", "ok"),
        ("connect", "ok"),
        ("session", "ok"),
        ("message 1", ACKNOWLEDGED),
        ("message 2", ACKNOWLEDGED),
        ("close", "ok"),
    ]
    assert (steps[2].detail, steps[3].detail) == ("lpforwarder-simulator", "8 octets")
    assert received == MESSAGES


def test_over_tls_the_certificate_is_shown_before_anything_is_said(certificates: Certificates) -> None:
    with pretending(ServerTls(pair=certificates.server)) as (collector, received):
        address, tls = collector.address, {"ca_file": str(certificates.ca_file)}
        given = {"host": address[0], "port": address[1], "tls": tls}
        options = RelpTlsOptions.model_validate(given, context={"folder": Path("/")})
        steps, failure = walk(RelpTrial(options))
    assert failure is None
    names = [step.name for step in steps]
    assert names.index("TLS 1.3") < names.index("client certificate") < names.index("session")
    assert received == MESSAGES


def test_a_refused_message_ends_the_trial_with_the_collectors_words() -> None:
    with pretending(refuses=lambda message: b"second" in message) as (collector, received):
        trial = RelpTrial(relp_options(collector.address))
        steps, failure = walk(trial)
    assert (shown(steps)[-1], trial.doing) == (("message 1", ACKNOWLEDGED), "message 2")
    assert failure is not None
    assert failure.code == "LPF233"
    assert failure.what.endswith("refuses the message: 500 message refused")
    assert received == MESSAGES[:1]


def test_a_refused_session_is_told() -> None:
    with pretending(refuses_sessions=True) as (collector, _):
        trial = RelpTrial(relp_options(collector.address))
        with fails("LPF231", Blocked):
            list(trial.steps(MESSAGES))
    assert trial.doing == "session"


@pytest.mark.parametrize(("answers", "doing"), [(0, "message 1"), (1, "message 2")])
def test_a_message_without_an_answer_is_told(answers: int, doing: str) -> None:
    with pretending(answers=answers) as (collector, _):
        trial = RelpTrial(relp_options(collector.address, connect_timeout="1s"))
        with fails("LPF211"):
            list(trial.steps(MESSAGES))
    assert trial.doing == doing


def test_a_collector_that_ignores_the_goodbye_has_taken_the_messages_all_the_same(far_end: FarEnd) -> None:
    def take_and_close() -> None:
        end = RelpEnd(far_end.accept())
        end.agree()
        end.answer(b"200 OK")
        end.answer(b"200 OK")
        end.take()
        end.say(0, b"", b"serverclose")

    with beside(take_and_close), Stopwatch() as watch:
        steps, failure = walk(RelpTrial(relp_options(far_end.address)))
    assert (failure, shown(steps)[-1]) == (None, ("close", "ok"))
    assert watch.wall < PATIENCE / 2
