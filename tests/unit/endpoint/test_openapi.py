"""The description: complete, and true of the application."""

from __future__ import annotations

from lpforwarder.endpoint.openapi import description
from tests.unit.endpoint.conftest import Endpoint


def test_every_path_of_the_application_is_described(endpoint: Endpoint) -> None:
    paths = {route.path.replace(":path", "") for route in endpoint.client.app.routes}  # type: ignore[attr-defined]
    assert set(description()["paths"]) == paths - {"/"}


def test_it_is_served_as_it_is(endpoint: Endpoint) -> None:
    served = endpoint.client.get("/openapi.json")
    assert served.json() == description()
    tagged = {"If-None-Match": served.headers["etag"]}
    assert endpoint.client.get("/openapi.json", headers=tagged).status_code == 304
