"""lpforwarder beside rsyslog and syslog-ng: the same events, the same sink, one after the other in rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.blast import capacity
from bench.measuring import Measured, measure
from bench.medians import Spread, ratios, spread
from bench.rehearsal import rehearse
from bench.section import Goal, Section, number, table
from bench.senders.contract import Format, Job, Link, Sender
from bench.senders.lpforwarder import Lpforwarder
from bench.senders.rsyslog import Rsyslog
from bench.senders.syslog_ng import SyslogNg
from bench.setting import Setting, say
from bench.sinks import Seen

OURS = "lpforwarder"
_HEADROOM = 1.3
"""The sink must take so many times what the fastest sender brings, or it would be what is measured."""
SENDERS: tuple[Sender, ...] = (
    Lpforwarder(OURS),
    Rsyslog("memory"),
    Rsyslog("disk"),
    SyslogNg("memory"),
    SyslogNg("disk"),
)
"""In the order in which they take turns. `rsyslog (disk, synced)` is only run when it is asked for."""
EXTRA: tuple[Sender, ...] = (Rsyslog("disk, synced"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """All that was measured, and what is taken off."""

    runs: tuple[Measured, ...]
    """Round by round."""
    starts: dict[str, float]
    """Seconds of CPU of each sender that only starts, sends one event, and stops; the least of the rounds."""
    capacities: dict[str, tuple[Seen, ...]]
    """What the sink took by itself, by link."""

    def of(self, sender: str, job: str) -> list[Measured]:
        """The runs of one sender with one job, in the order of the rounds."""
        return [run for run in self.runs if (run.sender, run.job) == (sender, job)]

    def rates(self, sender: str, job: str) -> list[float]:
        """Events a second."""
        return [run.rate for run in self.of(sender, job)]

    def cpu(self, sender: str, job: str) -> list[float]:
        """Microseconds an event of the whole process, without its start and stop."""
        start = self.starts[sender]
        return [max(run.cpu - start, 0.001) / run.events * 1e6 for run in self.of(sender, job)]

    def whole_cpu(self, sender: str, job: str) -> list[float]:
        """The same with start and stop."""
        return [run.cpu / run.events * 1e6 for run in self.of(sender, job)]

    def senders(self, job: str) -> list[str]:
        """Those that were run with this job, in the order of the first round."""
        return list(dict.fromkeys(run.sender for run in self.runs if run.job == job))

    def jobs(self) -> list[str]:
        """In the order of the first round."""
        return list(dict.fromkeys(run.job for run in self.runs))


def run_rounds(
    setting: Setting, senders: Sequence[Sender], formats: Iterable[Format], links: Iterable[Link]
) -> Rounds:
    """Rehearses every sender, then measures them in turns: A B C, A B C, …"""
    scale = setting.scale
    file, one = setting.lines(scale.events), setting.lines(1)
    jobs = [
        Job(file=file, events=scale.events, format=format, link=link) for format in formats for link in links
    ]
    for sender in senders:
        for job in jobs:
            with setting.folder() as folder:
                rehearse(sender, job.format, job.link, setting.certificates, folder)
    say(f"rehearsed: {len(senders)} senders send every event, rightly framed and written")
    runs: list[Measured] = []
    starts: dict[str, list[float]] = {sender.name: [] for sender in senders}
    capacities: dict[str, list[Seen]] = {job.link: [] for job in jobs}
    for round_number in range(1, scale.rounds + 1):
        for link, seen in capacities.items():
            tls = setting.certificates if link == "tls" else None
            seen.append(capacity(max(scale.events, 100_000), tls=tls))
        for sender in senders:
            with setting.folder() as folder:
                alone = Job(file=one, events=1, format=jobs[0].format, link=jobs[0].link)
                starts[sender.name].append(measure(sender, alone, setting.certificates, folder).cpu)
        for job in jobs:
            for sender in senders:
                with setting.folder() as folder:
                    runs.append(run := measure(sender, job, setting.certificates, folder))
                say(f"round {round_number}  {job.name:14} {sender.name:18} {number(run.rate):>9}/s")
    return Rounds(
        runs=tuple(runs),
        starts={name: min(seconds) for name, seconds in starts.items()},
        capacities={link: tuple(seen) for link, seen in capacities.items()},
    )


def section(setting: Setting, rounds: Rounds) -> Section:
    """The tables, the sink, the goals."""
    parts = [text for job in rounds.jobs() for text in (f"### {job}", _job_table(rounds, job))]
    parts += ["### Ratios: lpforwarder by the others, round by round", _ratio_table(rounds)]
    parts += ["### The sink is not what limits", _sink_text(rounds)]
    scale = setting.scale
    return Section(
        name="peers",
        title="Beside rsyslog and syslog-ng",
        scale=f"{scale.events:,} events, {scale.rounds} rounds",
        text="\n\n".join(parts),
        goals=tuple(_goals(rounds)),
    )


def _job_table(rounds: Rounds, job: str) -> str:
    heads = ["", "events/s", "CPU µs/event", "with start and stop", "peak MiB", "octets written/event"]
    rows = []
    for sender in rounds.senders(job):
        runs = rounds.of(sender, job)
        rows.append(
            [
                sender,
                _shown(spread(rounds.rates(sender, job))),
                _shown(spread(rounds.cpu(sender, job))),
                number(spread(rounds.whole_cpu(sender, job)).median),
                number(spread([run.peak / 2**20 for run in runs]).median),
                number(spread([run.written / run.events for run in runs]).median),
            ]
        )
    return table(heads, rows)


def _ratio_table(rounds: Rounds) -> str:
    rows = []
    for job in rounds.jobs():
        for sender in rounds.senders(job):
            if sender != OURS and OURS in rounds.senders(job):
                rate = ratios(rounds.rates(OURS, job), rounds.rates(sender, job))
                cpu = ratios(rounds.cpu(OURS, job), rounds.cpu(sender, job))
                rows.append([f"{job}, by {sender}", _shown(rate), _shown(cpu)])
    return table(["", "events/s", "CPU"], rows)


def _sink_text(rounds: Rounds) -> str:
    rows = []
    for link, seen in rounds.capacities.items():
        cost = spread([one.cpu / one.count * 1e6 for one in seen])
        rows.append(
            [
                link.upper(),
                _shown(spread([one.rate for one in seen])),
                _shown(cost),
                number(_fastest(rounds, link)),
            ]
        )
    heads = ["blocks made beforehand", "events/s", "the sink's CPU µs/event", "the fastest sender above"]
    costs = ", ".join(
        f"{sender} {number(_sink_cost(rounds, sender))}"
        for sender in dict.fromkeys(run.sender for run in rounds.runs)
    )
    return (
        f"{table(heads, rows)}\n\nWhat the sink took for an event of each sender, in µs of CPU, median of "
        f"all runs: {costs}. Who sends a TLS record a message makes the sink work more."
    )


def _fastest(rounds: Rounds, link: str) -> float:
    """The median of the fastest sender over this link."""
    jobs = [job for job in rounds.jobs() if job.lower().endswith(link)]
    return max(spread(rounds.rates(sender, job)).median for job in jobs for sender in rounds.senders(job))


def _sink_cost(rounds: Rounds, sender: str) -> float:
    return spread([run.sink_cpu / run.events * 1e6 for run in rounds.runs if run.sender == sender]).median


def _goals(rounds: Rounds) -> Iterable[Goal]:
    """Those of the project's plan that these runs can judge."""
    wanted = (
        ("CEF over TLS", "rsyslog", "cpu", 0.35),
        ("CEF over TLS", "rsyslog (disk)", "cpu", 0.17),
        ("CEF over TLS", "rsyslog", "rate", 2.2),
        ("CEF over TLS", "syslog-ng", "rate", 2.2),
        ("JSON over TLS", "rsyslog", "cpu", 1.2),
        ("JSON over TLS", "syslog-ng", "cpu", 0.6),
    )
    for job, sender, kind, limit in wanted:
        if {OURS, sender} <= set(rounds.senders(job)):
            of = rounds.cpu if kind == "cpu" else rounds.rates
            what = f"{job}: {'CPU per event' if kind == 'cpu' else 'events/s'} by those of {sender}"
            value = ratios(of(OURS, job), of(sender, job)).median
            yield Goal(what=what, value=value, limit=limit, is_floor=kind == "rate")
    for link, seen in rounds.capacities.items():
        value = spread([one.rate for one in seen]).median / _fastest(rounds, link)
        what = f"what the sink takes over {link.upper()} by the fastest sender"
        yield Goal(what=what, value=value, limit=_HEADROOM, is_floor=True)


def _shown(values: Spread) -> str:
    """The median, and the range where there was more than one run."""
    if values.runs == 1:
        return number(values.median)
    return f"**{number(values.median)}** ({number(values.least)} to {number(values.most)})"
