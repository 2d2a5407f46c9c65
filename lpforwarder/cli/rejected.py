"""What was set aside, as questions to a journal: answered by the running service, or by the command itself.

Numbers are texts: `61990` is an event that a collector could not take, by its first place in the journal;
`r17` is a record that a source could not read. Contents are personal data: only `show` gives them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from lpforwarder.delivery.set_asides import shown_id
from lpforwarder.journal.facts import StoredReject
from lpforwarder.journal.reader import JournalReader
from lpforwarder.journal.set_asides import SetAside
from lpforwarder.journal.sqlite import SqliteJournal
from lpforwarder.runtime.control import Refused

MOST_LISTED = 10_000
MOST_AT_ONCE = 200
"""Numbers in one request to retry or drop: what the service does for it takes a moment only."""

_NUMBER = re.compile(r"r?[0-9]{1,18}\Z")
_CANNOT_READ_AGAIN = (
    "is a record that the source could not read: reading the same text again would not change that. "
    "Mend it at the source; what a source reads anew is looked at anew"
)

Facts = dict[str, Any]


def look(journal: JournalReader, request: Mapping[str, Any]) -> Facts:
    """The answer to `list` and `show`; for these the file alone is enough."""
    if request["do"] == "list":
        return listed(journal, int(request.get("limit", MOST_LISTED)))
    return {"version": 1, "found": shown(journal, str(request["number"]))}


def answer(journal: SqliteJournal, collectors: Collection[str], request: Mapping[str, Any]) -> Facts:
    """The answer to any of the four; `collectors` are those of the configuration."""
    try:
        if request["do"] in ("list", "show"):
            return look(journal, request)
        numbers = [str(number) for number in request["numbers"]]
        if len(numbers) > MOST_AT_ONCE or request["do"] not in ("retry", "drop"):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise Refused("the request cannot be understood", code="LPF522") from None
    only = request.get("collector")
    if request["do"] == "retry":
        return {"version": 1, "results": retry(journal, collectors, numbers, only)}
    return {"version": 1, "results": drop(journal, numbers, only)}


def listed(journal: JournalReader, limit: int) -> Facts:
    """Everything that is set aside, oldest first, without contents; the newest `limit` of each kind."""
    events = [_event(row) for row in journal.set_asides(limit)]
    records = [_record(record) for record in reversed(journal.rejects(limit, contents=False))]
    return {"version": 1, "events": events, "records": records}


def shown(journal: JournalReader, number: str) -> list[Facts]:
    """All that is called by this number, contents included; empty when there is nothing."""
    found = []
    for item in _called(journal, number):
        if isinstance(item, StoredReject):
            found.append(_record(item) | {"raw": _text(item.raw)})
        else:
            contents = {"detail": item.detail, "message": _text(item.message), "event": _parsed(item.line)}
            found.append(_event(item) | contents | {"is_whole": item.is_whole})
    return found


def retry(
    journal: SqliteJournal, collectors: Collection[str], numbers: Iterable[str], only: str | None
) -> list[Facts]:
    """Sends events again, to the collectors that could not take them; a result for each."""
    results, ids = [], {}
    for number, item in _all_called(journal, numbers, only):
        why_not = _why_not(item, collectors)
        result = _result(number, item, why_not is None, why_not or "is sent again")
        results.append(result)
        if why_not is None and isinstance(item, SetAside):
            ids[item.id] = result
    done = journal.send_again(list(ids)) if ids else []
    for missed in set(ids) - set(done):
        ids[missed] |= {"ok": False, "text": "has changed meanwhile; look again"}
    return results


def drop(journal: SqliteJournal, numbers: Iterable[str], only: str | None) -> list[Facts]:
    """Forgets events and records for good; a result for each."""
    results, ids, records = [], {}, []
    for number, item in _all_called(journal, numbers, only):
        is_on_its_way = isinstance(item, SetAside) and item.state == "again"
        text = "is on its way to the collector and cannot be held back" if is_on_its_way else "is dropped"
        result = _result(number, item, item is not None and not is_on_its_way, text)
        results.append(result)
        if isinstance(item, SetAside) and not is_on_its_way:
            ids[item.id] = result
        elif isinstance(item, StoredReject):
            records.append(item.number)
    done = journal.drop_set_asides(list(ids)) if ids else []
    for missed in set(ids) - set(done):
        ids[missed] |= {"ok": False, "text": "has changed meanwhile; look again"}
    if records:
        journal.drop_rejects(records)
    return results


def _why_not(item: SetAside | StoredReject | None, collectors: Collection[str]) -> str | None:
    """Why this cannot be sent again; None when it can."""
    if item is None:
        return "there is nothing of this number"
    if isinstance(item, StoredReject):
        return _CANNOT_READ_AGAIN
    if item.state == "again":
        return "is on its way already"
    if item.collector not in collectors:
        return f"was for {item.collector}, which is not in the configuration: nobody would send it"
    if not item.is_whole:
        return "is damaged in the journal and cannot be sent; the source may still have it"
    return None


def _all_called(
    journal: JournalReader, numbers: Iterable[str], only: str | None
) -> Iterable[tuple[str, SetAside | StoredReject | None]]:
    """What each number calls; None for one that calls nothing. `only` leaves out other collectors."""
    for number in dict.fromkeys(numbers):
        items = [
            item for item in _called(journal, number) if only in (None, getattr(item, "collector", None))
        ]
        yield from ((number, item) for item in items)
        if not items:
            yield number, None


def _called(journal: JournalReader, number: str) -> Sequence[SetAside | StoredReject]:
    plain = number.replace(",", "")
    if _NUMBER.match(plain) is None:
        return ()
    if not plain.startswith("r"):
        return journal.set_aside_numbered(int(plain))
    record = journal.reject(int(plain[1:]))
    return () if record is None else (record,)


def _result(number: str, item: SetAside | StoredReject | None, ok: bool, text: str) -> Facts:
    if item is None:
        return {"number": number, "found": False, "ok": False, "text": "there is nothing of this number"}
    whose = {"collector": item.collector} if isinstance(item, SetAside) else {"source": item.source}
    return {"number": number, **whose, "found": True, "ok": ok, "text": text}


def _event(row: SetAside) -> Facts:
    return {
        "number": str(row.number),
        "collector": row.collector,
        "id": shown_id(row.event_id),
        "state": row.state,
        "time": row.time,
        "tries": row.tries,
        "code": row.code,
        "reason": row.reason,
        "octets": row.octets,
    }


def _record(record: StoredReject) -> Facts:
    return {
        "number": f"r{record.number}",
        "source": record.source,
        "where": record.where,
        "time": record.time,
        "reason": record.reason,
        "octets": record.octets,
    }


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:  # damaged
        return _text(line)
