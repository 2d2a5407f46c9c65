"""A secret that can be searched for, through every fault there is: it must be nowhere but in its own file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from lpforwarder.simulator.vault.faults import Fault
from tests.e2e.test_lastpass import Site, error, handed_over, site
from tests.fakes.daemon import Daemon, Facts
from tests.fakes.fronts import Front, answer

pytestmark = pytest.mark.slow

SECRETS = ("MARKER-one/+=7c0ffee7c0ffee7c0ffee7c0ffee7c0ffee", "MARKER-two7d15ea5e7d15ea5e7d15ea5e7d15ea5e")
WRONG = "MARKER-wrong-a11ce0a11ce0a11ce0a11ce0"


def forms(secret: str) -> Iterator[bytes]:
    """As it is, and as programs like to write texts; a piece is as bad as the whole."""
    for text in (secret, secret[:20], secret[-20:]):
        octets = text.encode()
        yield octets
        yield octets.hex().encode()
        yield quote(text, safe="").encode()
        yield json.dumps(text).strip('"').replace("/", "\\/").encode()
        # Base64 depends on what stands before: three shifts, without the ends that neighbours change.
        for shift in range(3):
            yield base64.b64encode(b"x" * shift + octets)[4:-4]


NEEDLES = [form for secret in (*SECRETS, WRONG) for form in forms(secret)] + [b"MARKER"]


def found(where: str, octets: bytes) -> list[str]:
    return [f"{where}: {needle!r}" for needle in NEEDLES if needle in octets]


def written(folder: Path, *, but: Path) -> list[str]:
    """Every file below the folder, database and write-ahead log included, but the secret's own."""
    files = [path for path in folder.rglob("*") if path.is_file() and path != but]
    assert any(path.name == "journal.db" for path in files)
    return [hit for path in files for hit in found(str(path), path.read_bytes())]


def of_processes(pid: int) -> list[str]:
    """Command line and environment of the process and of all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    hits = []
    for part in ("cmdline", "environ"):
        hits += found(f"{part} of {pid}", Path(f"/proc/{pid}/{part}").read_bytes())
    return hits + [hit for child in children for hit in of_processes(int(child))]


COMMANDS = (
    *("status", "--json status", "check-config --show", "check-config --schema"),
    *("test-pull", "test-pull --json", "-v test-pull", "run --dry-run"),
)
"""Every command that reads the configuration or asks the vault."""


def told(daemon: Daemon, *commands: str) -> list[str]:
    """What is found in what these commands print."""
    hits = []
    for line in commands:
        words = line.split()
        done = daemon.command(*words)
        hits += found(line, done.stdout + done.stderr)
    return hits


def has_been_asked(here: Site, calls: int, _: Facts) -> bool:
    return len(here.vault.asked) >= calls


def has_trouble(facts: Facts) -> bool:
    return error(facts) is not None


def test_after_every_fault_the_secret_is_nowhere_but_in_its_file(tmp_path: Path) -> None:
    faults = [fault for fault in Fault if fault is not Fault.HASH_RESET]
    switches = {"silence_seconds": 5.0, "drip_pieces": 4, "large_octets": 80 * 2**20, "retry_after": "1"}
    with site(tmp_path, secret=SECRETS[0], events=200, days=0.5, **switches) as here:
        settings = here.settings(timeout="3s") | {"log": {"level": "debug", "format": "json"}}
        with Daemon(tmp_path / "d", settings) as daemon:
            for fault in faults:
                here.vault.fail_next(fault)
                calls = len(here.vault.asked) + 1
                daemon.hup()  # tries again at once, whatever the fault before has led to
                daemon.wait_until(partial(has_been_asked, here, calls))
            daemon.wait_until(lambda facts: error(facts) is None and handed_over(facts, 200), within=60)
            seen = {line["code"] for line in daemon.log_of("worker.failed")}
            assert seen >= {f"LPF3{n:02d}" for n in (3, 4, 5, 6, 7, 9, 14, 15)}

            here.vault.reset_secret(SECRETS[1])
            daemon.wait_until(lambda facts: error(facts) == "LPF301")
            here.write_secret(WRONG)
            daemon.hup()
            daemon.wait_until(lambda facts: error(facts) == "LPF301")
            hits = told(daemon, "status", "test-pull")
            here.write_secret(SECRETS[1])
            daemon.wait_until(lambda facts: error(facts) is None and handed_over(facts, 201))
            hits += told(daemon, *COMMANDS) + of_processes(daemon.pid)
            hits += found("status", json.dumps(daemon.status()).encode())
            assert daemon.terminate() == 0
        assert len({event["id"] for event in here.events()}) == 201
        hits += written(tmp_path, but=here.secret) + found("wire", b"\n".join(here.messages))
        assert hits == []


@pytest.mark.parametrize(
    "say",
    [
        json.dumps({"status": "FAIL", "errors": ["provhash {}"]}),
        '<lastpass rc="Authorization Error {}"/>',
        "<html>{}</html>",
        json.dumps({"status": "OK", "next": None, "data": [{"Time": "{}"}, "{}"]}),
    ],
)
def test_a_far_side_that_repeats_the_secret_changes_nothing(say: str, tmp_path: Path) -> None:
    front = Front(answer(say.replace("{}", SECRETS[0])))
    with front, site(tmp_path, secret=SECRETS[0]) as here:
        with Daemon(tmp_path / "d", here.settings(url=front.url)) as daemon:
            facts = daemon.wait_until(lambda facts: has_trouble(facts) or facts["journal"]["rejects"] == 2)
            hits = told(daemon, "status", "test-pull") + found("status", json.dumps(facts).encode())
            assert daemon.terminate() == 0
        hits += written(tmp_path, but=here.secret)
        assert SECRETS[0].encode() in front.asked[0].body
    assert hits == []


def test_a_needle_is_found_however_it_is_written() -> None:
    for text in (SECRETS[0], f"%{quote(SECRETS[0])}", base64.b64encode(b"u:" + SECRETS[0].encode()).decode()):
        assert found("here", f"...{text}...".encode())
    assert found("here", b"nothing of the kind") == []


@pytest.mark.parametrize("place", ["secret_env", "secret_credential"])
def test_other_places_of_the_secret_work_and_keep_it(place: str, tmp_path: Path) -> None:
    with site(tmp_path, secret=SECRETS[0], events=5, days=0.1) as here:
        folder = tmp_path / "credentials"
        folder.mkdir()
        (folder / "acme").write_text(SECRETS[0])
        settings = here.settings()
        source = settings["sources"][0]
        del source["secret_file"]
        source[place] = {"secret_env": "ACME_SECRET", "secret_credential": "acme"}[place]
        environment = {"ACME_SECRET": SECRETS[0]} if place == "secret_env" else {}
        environment |= {"CREDENTIALS_DIRECTORY": str(folder)}
        with Daemon(tmp_path / "d", settings, environment=environment) as daemon:
            daemon.wait_until(lambda facts: handed_over(facts, 5))
            assert Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text() == ""
            assert found("cmdline", Path(f"/proc/{daemon.pid}/cmdline").read_bytes()) == []
            hits = told(daemon, "--json status", "check-config --show")
            assert daemon.terminate() == 0
        (folder / "acme").unlink()
        here.secret.unlink()
        hits += written(tmp_path, but=here.secret)
    assert hits == []
