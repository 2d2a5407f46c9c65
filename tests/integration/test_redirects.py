"""A vault, or what stands in for it, that would send us elsewhere with the secret: we never go there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpforwarder.errors import Transient
from tests.fakes.fronts import Front, answer
from tests.fakes.lastpass_account import Reader
from tests.integration.test_lastpass_fronts import SECRET, record, refusal, source

STATUSES = [
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
]


@pytest.mark.parametrize("status", STATUSES)
def test_another_host_is_never_asked_whatever_kind_of_redirect_names_it(status: str, tmp_path: Path) -> None:
    with Front(answer("")) as elsewhere:
        away = answer("", status, location=elsewhere.url)
        with Front(away) as front, source(tmp_path, url=front.url) as made:
            error = refusal(made)
            assert len(front.asked) == 1
        assert elsewhere.asked == []
    assert (type(error), error.code) == (Transient, "LPF304")
    assert f"got a redirect ({status[:3]}), which is not followed" in error.what
    assert SECRET not in f"{error.what} {error.fix}"


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/",
        "file:///etc/passwd",
        "//other.example.net/",
        "/enterpriseapi.php?again",
        "",
        "http://" + "x" * 4000,
    ],
)
def test_no_place_that_a_redirect_names_is_tried_or_repeated(location: str, tmp_path: Path) -> None:
    away = answer("", "302 Found", location=location)
    with Front(away) as front, source(tmp_path, url=front.url) as made:
        error = refusal(made)
        assert len(front.asked) == 1
    # A connection that was tried would have another code.
    assert error.code == "LPF304"
    assert not location or location not in f"{error.what} {error.fix}"


def test_an_address_in_place_of_the_marker_is_no_address_to_us(tmp_path: Path) -> None:
    with Front(answer("")) as elsewhere:
        first = json.dumps({"status": "OK", "next": elsewhere.url, "data": [record(1)]})
        last = json.dumps({"status": "OK", "next": None, "data": [record(0)]})
        with Front(answer(first), answer(last)) as front, source(tmp_path, url=front.url) as made:
            assert Reader(made).read()
            assert len(front.asked) >= 2
        assert elsewhere.asked == []


@pytest.mark.parametrize("header", ["refresh", "content_location", "link", "alt_svc"])
def test_other_headers_that_name_a_place_lead_nowhere(header: str, tmp_path: Path) -> None:
    with Front(answer("")) as elsewhere:
        empty = json.dumps({"status": "OK", "next": None, "data": []})
        say = answer(empty, **{header: f"0; url={elsewhere.url}"})
        with Front(say) as front, source(tmp_path, url=front.url) as made:
            assert Reader(made).read() == []
        assert elsewhere.asked == []
