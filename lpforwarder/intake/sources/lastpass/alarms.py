"""What a person should know although events flow: a wrong zone, a regenerated secret, a source that lags."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import structlog

from lpforwarder import rfc3339
from lpforwarder.config.secrets import Secret
from lpforwarder.intake.sources.lastpass import zone as zones
from lpforwarder.intake.sources.lastpass.instants import CLOCK_ERROR
from lpforwarder.intake.sources.lastpass.offset import at
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.runtime.health import spoken
from lpforwarder.runtime.worker import WorkerError

log = structlog.get_logger()

_SURE_AFTER = 3  # polls: something on the way may write a wrong `date` into one answer
_PROOF = 900.0
"""Seconds after the regeneration in which the old secret may still be accepted somewhere."""
_BEHIND = 300  # seconds between what was read and now
_PATIENCE = 60  # seconds that catching up may take before it is an alarm; a day's events take less


class Alarms:
    """The alarms of one source; each is logged when it begins and when it ends."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._zone: WorkerError | None = None
        self._secret: WorkerError | None = None
        self._clock: WorkerError | None = None
        self._lag: WorkerError | None = None
        self._behind_since: float | None = None
        self._polls_apart = 0
        self._regenerated = 0.0
        self._worthless: Secret | None = None

    @property
    def current(self) -> tuple[WorkerError, ...]:
        """Those that are on."""
        all_there_are = (self._zone, self._secret, self._clock, self._lag)
        return tuple(alarm for alarm in all_there_are if alarm is not None)

    def clock(self, skew: float) -> None:
        """`skew` is what the vault's clock was ahead of ours in a poll that went well, in seconds."""
        self._polls_apart = self._polls_apart + 1 if abs(skew) > CLOCK_ERROR else 0
        if not self._polls_apart:
            self._clock = None
        if self._polls_apart == 1:
            log.warning("clock.differed", source=self._source, code="LPF317", seconds=round(skew))
        if self._polls_apart == _SURE_AFTER:
            whose = "behind" if skew > 0 else "ahead of"
            text = f"this machine's clock is {abs(round(skew))} s {whose} that of the vault"
            self._clock = WorkerError(code="LPF317", text=text, fix="set this machine's clock (NTP)")

    def reached(self, upto: int | None, now: float) -> None:
        """A poll read up to this instant and has more to ask for; None: nothing is left to catch up with."""
        if upto is None or now - upto <= _BEHIND:
            if self._lag is not None:
                log.info("source.caught_up", source=self._source)
            self._lag, self._behind_since = None, None
            return
        if self._behind_since is None:
            self._behind_since = now
        if now - self._behind_since < _PATIENCE:
            return
        seconds, until = round(now - upto), rfc3339.render(upto * 1000)
        text = f"it has read up to {until} and is {spoken(seconds)} behind the vault"
        fix = "wait; if it comes no nearer, polls take too long for what happens in the account"
        if self._lag is None:
            log.warning("source.behind", source=self._source, code="LPF319", seconds=seconds, fix=fix)
        self._lag = WorkerError(code="LPF319", text=text, fix=fix)

    def zone(self, configured: ZoneInfo, offset: int | None, now: float) -> None:
        """`offset` is the measured one while it is not that of the configured zone, else None."""
        if offset is None:
            if self._zone is not None:
                log.info("zone.matched", source=self._source, time_zone=configured.key)
            self._zone = None
            return
        alarm = _mismatch(configured, offset, now)
        if alarm != self._zone:
            log.error(
                "zone.mismatch",
                source=self._source,
                code=alarm.code,
                reason=alarm.text,
                fix=alarm.fix,
                time_zone=configured.key,
                measured=zones.offset_text(offset),
            )
        self._zone = alarm

    def secret_regenerated(self, options: LastPassOptions, instant: int, now: float) -> None:
        """The feed, just read with the present secret, says that it was replaced at this instant."""
        if now > instant + _PROOF or _changed_since(options, instant):
            return  # what still works so long after is the new one
        fix = f"write the new API secret to {options.secret_place}; it is noticed by itself"
        text = f"the API secret of the account was regenerated at {rfc3339.render(instant * 1000)}"
        self._secret = WorkerError(code="LPF316", text=text, fix=fix)
        self._regenerated, self._worthless = float(instant), None
        log.error("secret.regenerated", source=self._source, code="LPF316", reason=text, fix=fix)

    def polled(self, secret: Secret, now: float) -> None:
        """A poll went well with this secret."""
        if self._secret is None:
            return
        self._worthless = self._worthless or secret
        if secret != self._worthless or now > self._regenerated + _PROOF:
            self._secret = None


def _mismatch(configured: ZoneInfo, offset: int, now: float) -> WorkerError:
    expected = zones.offset_text(at(configured, int(now)))
    text = (
        f"the account's clock is at UTC{zones.offset_text(offset)}, but time_zone {configured.key} is at "
        f"UTC{expected}; the measured offset is used"
    )
    return WorkerError(code="LPF318", text=text, fix="set time_zone to the zone of the LastPass account")


def _changed_since(options: LastPassOptions, instant: int) -> bool:
    """Whether somebody wrote the secret file after that; of other places nothing is known."""
    if options.secret_file is None:
        return False
    try:
        return options.secret_file.stat().st_mtime > instant
    except OSError:
        return False
