"""What the `journal` commands show: the facts as JSON values, and the same facts in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpforwarder.counting import counted, counted_as
from lpforwarder.journal import safe_copy, schema
from lpforwarder.journal.lock import holder
from lpforwarder.journal.reader import open_reader
from lpforwarder.journal.rebuilding import set_aside
from lpforwarder.journal.repairing import Repaired
from lpforwarder.journal.scan import Gap
from lpforwarder.journal.verifying import Verified

VERSION = 1
RESTART = "restart the service, or, with the service stopped: lpforwarder journal repair"
REPAIR = "stop the service, lpforwarder journal repair, start it; until then the damage costs nothing more"
MOST_GAPS = 20  # lines for people; JSON has all

Facts = dict[str, Any]


# ---- info ------------------------------------------------------------------------------------------------


def facts_of(path: Path) -> Facts:
    """What the journal at `path` holds; FileNotFoundError when there is none."""
    with open_reader(path) as reader:
        facts = reader.facts()
        with reader.view() as connection:
            version = schema.version_of(connection)
    copy = safe_copy.read(path)
    writer = holder(path.with_name(path.name + ".lock"))
    return {
        "version": VERSION,
        "path": str(path),
        "format": version,
        "bytes": facts.octets,
        "in_use": facts.used,
        "first": facts.first,
        "last": facts.last,
        "events": max(facts.last - facts.first + 1, 0) - _missing_behind(facts.gaps, facts.first - 1),
        "sources": {
            name: {"events": row.events, "appended": row.appended, "newest_event": row.newest}
            for name, row in facts.sources.items()
        },
        "collectors": {
            name: {
                "checkpoint": row.checkpoint,
                "behind": facts.last - row.checkpoint - _missing_behind(facts.gaps, row.checkpoint),
                "confirmed": row.confirmed,
                "moved": row.moved,
            }
            for name, row in facts.collectors.items()
        },
        "gaps": [_gap(gap) for gap in facts.gaps],
        "lost": sum(gap.count for gap in facts.gaps if gap.is_loss and not gap.collector),
        "rejects": facts.rejects,
        "safe_copy": {"time": copy.time, "last": copy.last, "damage": copy.damage or None} if copy else None,
        "set_aside": [{"file": str(one), "bytes": one.stat().st_size} for one in set_aside(path)],
        "writer": {"pid": writer.pid, "since": writer.since} if writer else None,
    }


def info(facts: Facts) -> list[str]:
    """The facts of facts_of() in words."""
    held = f"{facts['events']:,} held, numbers {facts['first']:,} to {facts['last']:,}"
    lines = [
        f"JOURNAL  {facts['path']}",
        f"         {_size(facts['bytes'])}, format {facts['format']}, {_writer(facts['writer'])}",
        f"EVENTS   {held if facts['events'] else 'none held'}",
    ]
    for name, source in facts["sources"].items():
        events = counted(source["events"], "event")
        lines.append(f"source {name}: {events}, the last at {_time(source['appended'])}")
    for name, row in facts["collectors"].items():
        moved = f", at {_time(row['moved'])}" if row["moved"] else ""
        lines.append(f"collector {name}: has up to {row['checkpoint']:,}{moved}; {row['behind']:,} behind")
    lines += _missing(facts["gaps"], facts["lost"])
    lines.append(_copy(facts["safe_copy"]))
    for one in facts["set_aside"]:
        lines.append(f"set aside: {one['file']}, {_size(one['bytes'])}; delete it when nobody needs it")
    return lines


# ---- verify ----------------------------------------------------------------------------------------------


def verified(path: Path, found: Verified) -> Facts:
    """What verify() found."""
    return {
        "version": VERSION,
        "path": str(path),
        "ok": found.is_good,
        "structure": found.structure or None,
        "pages": found.pages,
        "events": found.events,
        "lost": found.lost,
        "damaged_parts": found.parts,
        "gaps": [_gap(gap) for gap in found.gaps],
        "known_gaps": [_gap(gap) for gap in found.known],
        "safe_copy": found.copied or None,
    }


def verdict(facts: Facts) -> list[str]:
    """The same in words: what was looked at, a sentence, a remedy."""
    lines = [
        f"{facts['path']}",
        f"  structure ......... {'FAIL  ' + facts['structure'] if facts['structure'] else 'ok'}",
        f"  events ............ {_events(facts)}",
        f"  safe copy ......... {'ok    of ' + facts['safe_copy'] if facts['safe_copy'] else 'none'}",
    ]
    lines += [f"    {line}" for line in _lines(facts["gaps"])]
    if known := sum(gap["count"] for gap in facts["known_gaps"] if gap["lost"]):
        lines.append(f"Known before, and noted: {known:,} missing. See: lpforwarder journal info.")
    if facts["ok"]:
        return [*lines, "Everything is what was written."]
    lines.append("error[LPF508] the journal is damaged; what can be read is delivered")
    return [*lines, f"   fix    {RESTART if facts['structure'] else REPAIR}"]


def _events(facts: Facts) -> str:
    read = f"{facts['events']:,} are what was written"
    if facts["lost"]:
        return f"FAIL  {facts['lost']:,} cannot be read, {read}"
    if facts["damaged_parts"]:
        return f"FAIL  {read}, on pages that are not"
    return f"ok    {read}"


# ---- repair ----------------------------------------------------------------------------------------------


def repaired(path: Path, done: Repaired) -> Facts:
    """What repair() did."""
    made = done.rebuilt
    return {
        "version": VERSION,
        "path": str(path),
        "repaired": made is not None,
        "reason": made.reason if made else None,
        "salvaged": made.events if made else done.before.events,
        "lost": made.lost if made else 0,
        "asked_again": made.asked_again if made else False,
        "gaps": [_gap(gap) for gap in (made.gaps if made else ())],
        "set_aside": made.aside or None if made else None,
    }


def outcome(facts: Facts) -> list[str]:
    """The same in words."""
    events = counted(facts["salvaged"], "event")
    if not facts["repaired"]:
        return [f"{facts['path']}: {events}, nothing to repair. Nothing was changed."]
    lines = [
        f"The journal was damaged: {facts['reason']}.",
        f"Taken over: {events}. Cannot be read any more: {facts['lost']:,}.",
        *(f"  {line}" for line in _lines(facts["gaps"])),
    ]
    if facts["asked_again"]:
        lines.append("What was appended last is asked of the sources once more; ids stay the same.")
    if facts["set_aside"]:
        lines.append(f"The damaged file is kept: {facts['set_aside']}")
    return lines


# ---- words -----------------------------------------------------------------------------------------------


def _gap(gap: Gap) -> Facts:
    return {
        "first": gap.first,
        "count": gap.count,
        "reason": gap.reason,
        "found": gap.found or None,
        "lost": gap.is_loss,
        "collector": gap.collector or None,
    }


def _missing_behind(gaps: Sequence[Gap], place: int) -> int:
    """How many places behind this one hold nothing."""
    return sum(gap.behind(place) for gap in gaps if not gap.collector)


def _missing(gaps: Sequence[Facts], lost: int) -> list[str]:
    if not gaps:
        return ["MISSING  nothing"]
    return [
        f"MISSING  {counted_as(lost, 'event', one='is', many='are')} lost",
        *(f"         {line}" for line in _lines(gaps)),
    ]


def _lines(gaps: Sequence[Facts]) -> list[str]:
    lines = []
    for gap in gaps[-MOST_GAPS:]:
        last = gap["first"] + gap["count"] - 1
        where = (
            f"{gap['first']:,} to {last:,}: " if gap["count"] > 1 else f"{last:,}: " if gap["count"] else ""
        )
        who = f"{gap['collector']}: " if gap["collector"] else ""
        found = f" ({_time(gap['found'])})" if gap["found"] else ""
        lines.append(f"{who}{where}{gap['reason']}{found}")
    more = len(gaps) - len(lines)
    return [*([f"… and {more:,} before; --json has all"] if more > 0 else []), *lines]


def _copy(copy: Facts | None) -> str:
    if copy is None:
        return "COPY     of all places: none, or it cannot be used"
    damage = f"; the next start sets the file aside: {copy['damage']}" if copy["damage"] else ""
    return f"COPY     of all places: made at {_time(copy['time'])}, up to number {copy['last']:,}{damage}"


def _writer(writer: Facts | None) -> str:
    return (
        f"written by pid {writer['pid']} since {_time(writer['since'])}" if writer else "nobody writes it now"
    )


def _time(text: str | None) -> str:
    return f"{text[:10]} {text[11:19]} UTC" if text else "no time"


def _size(octets: int) -> str:
    return f"{octets / 1e6:,.1f} MB"
