from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BAD = """\
sources:
  - name: acme
    type: file
    path: events.json
collectors:
  - name: siem
    host: siem.example.net
    fromat: cef
    port: 651400
    tls:
      verify: no
http:
  listen: 127.0.0.1:9470
  listen: 127.0.0.1:9470
"""

EXPECTED = """\
note[LPF119] bad.yaml:4:11: events.json does not exist
    4 |     path: events.json
      |           ^ create it, or correct the path
error[LPF101] bad.yaml:8:5: unknown key `fromat`
    8 |     fromat: cef
      |     ^ did you mean `format`?
error[LPF102] bad.yaml:9:11: `port` is 651400; ports end at 65535
    9 |     port: 651400
      |           ^ did you mean 6514?
error[LPF104] bad.yaml:11:15: `verify` must be true or false, not the text "no"
   11 |       verify: no
      |               ^ write `false`; or better, set `ca_file` and keep checking
error[LPF103] bad.yaml:14:3: `listen` is written twice
   14 |   listen: 127.0.0.1:9470
      |   ^ the first one is on line 13; keep one
4 errors. Nothing was started.
"""


def lpforwarder(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lpforwarder", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_all_mistakes_are_shown_with_line_caret_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    done = lpforwarder(tmp_path, "-c", "bad.yaml", "check-config")
    assert done.stderr == EXPECTED
    assert (done.stdout, done.returncode) == ("", 78)


def test_the_file_is_found_by_the_environment_and_in_the_current_folder(tmp_path: Path) -> None:
    good = "sources: [{name: a, type: sample}]\ncollectors: [{name: siem, host: siem.example.net}]\n"
    (tmp_path / "lpforwarder.yaml").write_text(good)
    (tmp_path / "other.yaml").write_text(good)
    here = lpforwarder(tmp_path, "check-config", LPFORWARDER_CONFIG="")
    there = lpforwarder(tmp_path, "check-config", LPFORWARDER_CONFIG="other.yaml")
    assert here.stdout == "lpforwarder.yaml: 1 source, 1 collector. No problems.\n"
    assert there.stdout == "other.yaml: 1 source, 1 collector. No problems.\n"
    assert (here.returncode, there.returncode) == (0, 0)


def test_a_broken_plug_in_of_somebody_else_is_reported_only_where_it_is_used(tmp_path: Path) -> None:
    package = tmp_path / "broken-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    groups = ("sources", "formats", "transports")
    (package / "entry_points.txt").write_text(
        "".join(f"[lpforwarder.{group}]\nbroken = no_such_module:Nothing\n" for group in groups)
    )
    good = "sources: [{name: a, type: sample}]\ncollectors: [{name: siem, host: h, nope: 1}]\n"
    used = "sources: [{name: a, type: broken}]\ncollectors: [{name: siem, host: h, transport: broken}]\n"
    (tmp_path / "good.yaml").write_text(good)
    (tmp_path / "used.yaml").write_text(used)
    unused = lpforwarder(tmp_path, "-c", "good.yaml", "check-config", PYTHONPATH=str(tmp_path))
    assert unused.stderr.count("error[") == 1
    assert "unknown key `nope`" in unused.stderr
    both = lpforwarder(tmp_path, "-c", "used.yaml", "check-config", PYTHONPATH=str(tmp_path))
    assert both.stderr.count("error[LPF116]") == both.stderr.count("error[") == 2
    assert both.returncode == 78


def test_nothing_is_written_by_a_check(tmp_path: Path) -> None:
    text = (
        "sources: [{name: a, type: sample}]\ncollectors: [{name: siem, host: siem.example.net}]\n"
        "journal: {path: journal.db}\ncontrol_socket: c.sock\n"
    )
    (tmp_path / "lpforwarder.yaml").write_text(text)
    assert lpforwarder(tmp_path, "check-config", LPFORWARDER_CONFIG="").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["lpforwarder.yaml"]
