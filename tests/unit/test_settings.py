from __future__ import annotations

import os
from pathlib import Path

import pytest
import trustme

from lpforwarder.config.sections import Address
from lpforwarder.delivery.transports.options import TcpOptions, TlsOptions
from lpforwarder.errors import ConfigError, Problem
from lpforwarder.settings import Settings, collector_model, decode, examine, find, judge, load

SOURCE = "sources:\n  - {name: acme, type: file, path: events.json}\n"
COLLECTOR = "collectors:\n  - {name: siem, host: siem.example.net}\n"
FILE = Path("/etc/lp/config.yaml")


def settings(text: str) -> Settings:
    return decode(text, FILE)


def wrong(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        decode(text, FILE)
    return caught.value.problems


def one(text: str) -> tuple[str, int, str]:
    """Code, line and remedy of the only problem."""
    (problem,) = wrong(text)
    return problem.code, problem.line, problem.fix


def test_five_lines_are_enough() -> None:
    made = settings(SOURCE + COLLECTOR)
    (source,), (collector,) = made.sources, made.collectors
    assert (source.name, source.type) == ("acme", "file")
    assert isinstance(collector, TlsOptions)
    assert (collector.name, collector.host, collector.port) == ("siem", ("siem.example.net",), 6514)
    assert made.http.listen == Address("127.0.0.1", 9470)
    assert (made.drain, made.log.level) == (10, "info")


def test_every_key_of_the_documentation_is_taken() -> None:
    made = settings("""
sources:
  - name: archive
    type: file
    path: events.json
    follow: false
  - {name: pretend, type: sample, seed: 7}
collectors:
  - name: siem
    host: [a.example.net, b.example.net]
    port: 6514
    transport: tls
    framing: octet-counting
    format: json
    sources: all
    include: []
    exclude: []
    min_severity: 0
    facility: authpriv
    hostname: auto
    app_name: lpforwarder
    max_message: 8096
    confirm: close
    fence: {events: 5000, time: 30s}
    replay: {events: 5000, time: 10s}
    start: oldest
    heartbeat: 5m
    tls: {ca_file: system, server_name: host, cert_file: none, key_file: none, min_version: "1.2",
          fingerprints: [], strict_ca: auto, verify: true}
    cef: {vendor: LastPass, product: Enterprise}
    connect_timeout: 10s
    stall_timeout: 120s
    retry: {first: 1s, most: 60s}
journal: {path: /var/lib/lpforwarder/journal.db, keep: 30d, max_size: 10GiB, when_full: pause-polling}
http: {listen: 127.0.0.1:9470, tls: {cert_file: none, key_file: none}, metrics: open, status_page: true}
control_socket: /run/lpforwarder/control.sock
log: {level: info, format: auto}
drain: 10s
""")
    assert made.journal.path == Path("/var/lib/lpforwarder/journal.db")
    assert made.collectors[0].fence.time == 30


def test_a_plain_link_is_a_transport_of_its_own() -> None:
    made = settings(SOURCE + "collectors: [{name: a, host: h, transport: tcp, framing: newline}]")
    (collector,) = made.collectors
    assert isinstance(collector, TcpOptions)
    assert not isinstance(collector, TlsOptions)
    assert (collector.port, collector.framing) == (601, "newline")


def test_formats_have_their_options_under_their_own_name() -> None:
    made = settings(SOURCE + "collectors: [{name: a, host: h, cef: {vendor: Me}}]")
    cef = made.collectors[0].cef  # type: ignore[attr-defined]  # put in for the installed format
    assert (cef.vendor, cef.product) == ("Me", "Enterprise")


def test_relative_paths_are_relative_to_the_file() -> None:
    made = settings(SOURCE + COLLECTOR + "journal: {path: state/journal.db}\ncontrol_socket: c.sock\n")
    assert made.journal.path == Path("/etc/lp/state/journal.db")
    assert made.control_socket == Path("/etc/lp/c.sock")


def test_equal_texts_give_equal_settings() -> None:
    assert settings(SOURCE + COLLECTOR) == settings(SOURCE + COLLECTOR)
    assert collector_model("tls") is collector_model("tls")


MANY = """\
sources:
  - name: acme
    type: fiel
    path: events.json
  - {name: acme, type: file, path: x.json, folow: true}
collectors:
  - name: siem
    host: siem.example.net
    port: 651400
    fromat: cef
    framing: newline
    sources: [acme, acmee]
    min_severity: 11
    tls:
      verify: no
      verify: true
    heartbeat: 5 minutes
    facility: authpri
  - name: 12
    transport: rlp
    format: jsn
    password: hunter2
journal: {max_size: 10 GB, when_full: maybe}
http: {listen: 9470}
log:
drain: 10
"""


def test_every_mistake_of_a_file_is_reported_at_once_with_its_line() -> None:
    found = wrong(MANY)
    assert [(problem.line, problem.code) for problem in found] == [
        (3, "LPF116"), (5, "LPF117"), (5, "LPF101"), (9, "LPF102"), (10, "LPF101"), (11, "LPF115"),
        (12, "LPF118"), (13, "LPF108"), (15, "LPF104"), (16, "LPF103"), (17, "LPF106"), (18, "LPF115"),
        (19, "LPF114"), (19, "LPF104"), (20, "LPF116"), (21, "LPF116"), (22, "LPF112"), (23, "LPF109"),
        (23, "LPF115"), (24, "LPF113"), (26, "LPF106"),
    ]  # fmt: skip
    assert "hunter2" not in repr(found)


def test_an_unknown_source_type_is_answered_with_what_is_installed() -> None:
    assert one("sources: [{name: a, type: fiel, path: x}]\n" + COLLECTOR) == (
        "LPF116",
        1,
        "did you mean `file`?",
    )
    code, _, fix = one("sources: [{name: a, type: zzz, other: x}]\n" + COLLECTOR)
    assert code == "LPF116"
    assert "file" in fix
    assert "sample" in fix


def test_a_key_of_another_transport_is_told_so() -> None:
    text = SOURCE + "collectors: [{name: a, host: localhost, transport: tcp, tls: {verify: true}}]"
    assert one(text) == ("LPF101", 3, "`tls` belongs to transport: relp-tls or tls")
    text = SOURCE + "collectors: [{name: a, host: localhost, transport: relp, framing: newline}]"
    assert one(text) == ("LPF101", 3, "`framing` belongs to transport: tcp or tls")


def test_the_keys_of_an_unknown_transport_are_checked_as_far_as_possible() -> None:
    text = SOURCE + "collectors: [{name: a, host: h, transport: rlp, fromat: json}]"
    assert [problem.code for problem in wrong(text)] == ["LPF116", "LPF101"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "LPF107"),
        ("# nothing\n", "LPF107"),
        ("- a\n", "LPF113"),
        ("words\n", "LPF113"),
        ("a: [\n", "LPF105"),
    ],
)
def test_a_text_that_is_no_configuration_has_one_problem(text: str, code: str) -> None:
    assert [problem.code for problem in wrong(text)] == [code]


@pytest.mark.parametrize(
    "text",
    [SOURCE, COLLECTOR, SOURCE + "collectors: []\n", "sources: []\n" + COLLECTOR],
)
def test_sources_and_collectors_need_at_least_one_each(text: str) -> None:
    assert [problem.code for problem in wrong(text)] == ["LPF114"]


def test_names_are_unique_among_their_kind_only() -> None:
    assert settings(SOURCE + "collectors: [{name: acme, host: h}]").collectors[0].name == "acme"
    text = SOURCE + "collectors:\n  - {name: a, host: h}\n  - {name: a, host: g}\n"
    assert one(text) == ("LPF117", 5, "the first one is on line 4; choose another name")


def test_a_source_name_must_be_usable_everywhere() -> None:
    text = 'sources: [{name: "a/b", type: file, path: x}]\n' + COLLECTOR
    assert [problem.code for problem in wrong(text)] == ["LPF108"]


def test_no_source_takes_the_name_under_which_the_forwarder_speaks_of_itself() -> None:
    text = "sources:\n  - name: lpforwarder\n    type: sample\n" + COLLECTOR
    assert one(text) == ("LPF108", 2, "choose another name")
    called_so = SOURCE + "collectors: [{name: lpforwarder, host: h}]\n"
    assert settings(called_so).collectors[0].name == "lpforwarder"


def test_items_that_are_no_mappings_are_reported_not_fatal() -> None:
    found = wrong("sources: [5, null]\ncollectors: [words]\n")
    assert {problem.code for problem in found} == {"LPF113", "LPF114"}


def test_notes_do_not_stop_the_start() -> None:
    report = judge(
        SOURCE + "collectors: [{name: a, host: 192.0.2.1, transport: tcp}]", FILE, look_at_files=False
    )
    assert [(problem.code, problem.note, problem.line) for problem in report.problems] == [
        ("LPF120", True, 3)
    ]
    assert report.settings is not None
    assert report.exit_code == 0


def test_files_are_looked_at_even_where_something_else_is_wrong(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: a, host: h, fromat: cef, tls: {ca_file: missing.pem}}]\n"
    )
    assert [problem.code for problem in examine(config).problems] == ["LPF101", "LPF119"]


def test_only_permissions_wrong_is_exit_code_77(tmp_path: Path) -> None:
    made = trustme.CA().issue_cert("client.example.net")
    made.cert_chain_pems[0].write_to_path(tmp_path / "c.pem")
    made.private_key_pem.write_to_path(tmp_path / "c.key")
    (tmp_path / "c.key").chmod(0o644)
    config = tmp_path / "c.yaml"
    text = (
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: a, host: h, tls: {cert_file: c.pem, key_file: c.key}}]\n"
    )
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(config)
    assert caught.value.exit_code == 77
    (tmp_path / "c.key").chmod(0o600)
    assert load(config).collectors[0].name == "a"


def test_the_file_is_searched_in_the_documented_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    second.touch()
    places = [first, second]
    assert find("x.yaml", {"LPFORWARDER_CONFIG": "y.yaml"}, places) == Path("x.yaml")
    assert find(None, {"LPFORWARDER_CONFIG": "y.yaml"}, places) == Path("y.yaml")
    assert find(None, {}, places) == second
    first.touch()
    assert find(None, {}, places) == first


def test_nothing_found_says_where_it_looked() -> None:
    with pytest.raises(ConfigError) as caught:
        find(None, {}, [Path("no-such.yaml"), Path("/no/such.yaml")])
    (problem,) = caught.value.problems
    assert problem.code == "LPF107"
    assert problem.what == "no configuration found. looked at: ./no-such.yaml, /no/such.yaml"


def test_a_pipe_that_nobody_writes_into_is_an_empty_configuration_and_no_trap(tmp_path: Path) -> None:
    pipe = tmp_path / "config.yaml"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError) as caught:
        load(pipe)
    assert [problem.code for problem in caught.value.problems] == ["LPF107"]


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "latin1.yaml").write_bytes(b"a: \xe9\n")
    said = {}
    for name in ("missing.yaml", "latin1.yaml", ""):
        with pytest.raises(ConfigError) as caught:
            examine(tmp_path / name)
        said[name] = caught.value.problems[0].code
    assert said == {"missing.yaml": "LPF107", "latin1.yaml": "LPF105", "": "LPF119"}


def test_a_byte_order_mark_moves_nothing(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("\ufeffsorces: 1\n", encoding="utf-8")
    unknown = [problem for problem in examine(config).problems if problem.code == "LPF101"]
    assert [(problem.line, problem.column) for problem in unknown] == [(1, 1)]
