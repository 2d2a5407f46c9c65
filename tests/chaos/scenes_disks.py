"""The disk under the journal: 18 full, 19 read-only."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_collectors import said_within
from tests.chaos.stage import Stage
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Facts

MIB = 2**20
SMALL_DISK = 20  # MiB


def source_code(facts: Facts, name: str = "file") -> str:
    """The code of what is wrong with a source; empty when nothing is."""
    error = facts["sources"][name]["error"]
    return error["code"] if error else ""


def mounted(*words: str) -> None:
    """Mounts in the scenario's own mount name space, which takes it away with the last process."""
    subprocess.run(["mount", *words], check=True)


# ---- 18 ---------------------------------------------------------------------------------------------------


def disk_full(play: Play) -> None:
    """The journal fills a small disk, again and again; the disk grows a little each time."""
    disk = play.folder / "disk"
    disk.mkdir(mode=0o700)
    size = SMALL_DISK
    mounted("-t", "tmpfs", "-o", f"size={size}M,mode=700", "none", str(disk))
    stage = Stage(play, journal={"path": str(disk / "journal.db")})
    siem = stage.collector("siem", CollectorProcess(play.folder / "siem"))
    truth = stage.follow(rate=0)
    with stage:
        for _ in play.rounds(1, 5):
            siem.kill()
            fill(stage, disk)
            held = stage.daemon.status()["sources"]["file"]["events"]
            play.expect(held < truth.written, "the disk is not full")
            siem.start()
            began = time.monotonic()
            while stage.reached("siem")["a"] < held and time.monotonic() - began < 60:
                stage.pause(0.1)
            play.expect(stage.reached("siem")["a"] >= held, "delivery does not go on while the disk is full")
            play.expect(source_code(stage.daemon.status()) == "LPF501", "intake goes on without room")
            size += SMALL_DISK
            mounted("-o", f"remount,size={size}M", str(disk))
            stage.recover(within=60)
            play.allow_dup(2 * stage.per_accident)
        play.expect_said(
            any(line["code"] == "LPF501" for line in stage.daemon.log_of("worker.failed")),
            "worker.failed LPF501",
        )
        stage.finish()


def fill(stage: Stage, disk: Path) -> None:
    """Writes events until the journal refuses more."""
    truth = stage.feeds["file"].truth
    space = os.statvfs(disk)
    truth.write(int(space.f_bavail * space.f_frsize / 250))
    said_within(stage, lambda facts: source_code(facts) == "LPF501", 60, "status: LPF501")


# ---- 19 ---------------------------------------------------------------------------------------------------


def disk_read_only(play: Play) -> None:
    """The file system of the journal turns read-only under the daemon, as after an error of the disk."""
    disk = play.folder / "disk"
    disk.mkdir(mode=0o700)
    image = play.folder / "image"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    mounted("-o", "loop,errors=remount-ro", str(image), str(disk))
    stage = Stage(play, journal={"path": str(disk / "state" / "journal.db")})
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    stage.follow(rate=200)
    with stage:
        for _ in play.rounds(2, 20):
            stage.wait_for_a_random_moment()
            mounted("-o", "remount,abort", str(disk))
            code = end_of_read_only(stage)
            play.expect(code in (0, 1, 3), f"the daemon ended with {code}")
            stage.daemon.start()
            code = stage.daemon.wait(20)
            play.expect(code == 77, f"a start on a read-only disk ended with {code}")
            subprocess.run(["umount", str(disk)], check=True)
            mounted("-o", "loop,errors=remount-ro", str(image), str(disk))
            began = time.monotonic()
            stage.daemon.start()
            stage.daemon_kills += 1
            stage.recover(since=began)
            play.allow_dup(stage.per_accident)
        said = stage.daemon.output()
        play.expect_said(
            "LPF509" in said or "LPF506" in said, "LPF509 or LPF506: the disk is read-only, or failed"
        )
        stage.finish()


def end_of_read_only(stage: Stage) -> int:
    """The exit code: by itself when a commit failed half-way, else by SIGTERM once status says LPF509."""
    try:
        return stage.daemon.wait(3)
    except TimeoutError:
        said_within(stage, lambda facts: source_code(facts) == "LPF509", 10, "status: LPF509")
    return stage.daemon.terminate(20)


SCENARIOS = [
    Scenario(
        id="18",
        name="journal on a disk of 20 MB that is full",
        expected="intake pauses and says so, delivery goes on, intake resumes with room; nothing lost",
        run=disk_full,
        space=("--mount",),
        load=0.7,
        limit=(200, 900),
    ),
    Scenario(
        id="19",
        name="the journal's file system becomes read-only",
        expected="says so, takes in nothing, goes on after the repair; nothing lost",
        run=disk_read_only,
        space=("--mount",),
        load=0.4,
    ),
]
