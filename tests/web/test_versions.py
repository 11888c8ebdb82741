"""The API under its version, and under the seed's paths that have none."""

from __future__ import annotations

import pytest

from tests.web.conftest import World


@pytest.mark.parametrize("path", ["metrics", "alerts?limit=1", "agents", "sources"])
def test_a_path_without_a_version_means_the_first(world: World, path: str) -> None:
    bare, first = world.ask(f"/api/{path}"), world.ask(f"/api/v1/{path}")
    assert bare.status_code == first.status_code == 200
    assert bare.content == first.content


@pytest.mark.parametrize("path", ["/api/v2/metrics", "/api/v1/v1/metrics", "/api/", "/api", "/apiv1/metrics"])
def test_a_version_that_is_not_there_is_none(world: World, path: str) -> None:
    assert world.ask(path).status_code == 404


def test_what_begins_with_a_v_is_not_a_version_for_that(world: World) -> None:
    assert world.ask("/api/v/metrics").status_code == 404
    assert world.ask("/api/vagents").status_code == 404
