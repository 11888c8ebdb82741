"""The description of the API: complete, stable, and true about who may ask what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from telemetry.sources.push.events import _KEYS
from telemetry.web.access import Access
from telemetry.web.identity import Role, may
from telemetry.web.keyring import Keyring
from telemetry.web.tokens import Token, digest_of
from tests.web.conftest import BASE, World
from tools import openapi

SECRET = "a-secret-that-is-long-enough-for-"


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(openapi.text())


def operations(document: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_file_is_what_the_routes_say() -> None:
    assert openapi.FILE.read_text() == openapi.text(), "run: make openapi"


def test_it_is_served_under_both_paths_and_no_page_loads_from_elsewhere(world: World) -> None:
    served = world.ask("/api/v1/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.json()["openapi"].startswith("3.1")
    assert world.ask("/api/openapi.json").json() == served.json()
    assert [world.ask(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]


def test_every_operation_is_named_summed_up_and_tagged(document: Any) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in operations(document):
        assert operation["summary"].endswith((".", ":")), (path, method)
        assert set(operation["tags"]) <= tags, (path, "add its tag to telemetry/web/openapi.py")
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (path, parameter["name"])


def test_every_route_of_the_api_is_in_it(document: Any) -> None:
    app: Any = openapi.application()
    while not isinstance(app, FastAPI):
        app = app._app
    routes = {(route.path_format, method.lower()) for route in _routes(app.routes) for method in route.methods or ()}
    wanted = {
        (path, method)
        for path, method in routes
        if method != "head"
        and (path.startswith("/api/") or path in ("/metrics", "/healthz", "/readyz", "/readyz/pipeline"))
    }
    assert wanted == {(path, method) for path, method, _ in operations(document)}


def _routes(routes: Any) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from _routes(getattr(getattr(route, "original_router", None), "routes", ()))


def test_every_field_says_what_it_means(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "properties" in schema:
            assert schema.get("description"), name
            assert all(field.get("description") for field in schema["properties"].values()), (name, schema)


def test_every_answer_has_a_model_or_a_kind_of_its_own_and_every_error_is_an_error(document: Any) -> None:
    without_a_body = {"/api/v1/hooks/claude"}
    for path, method, operation in operations(document):
        for status, said in operation["responses"].items():
            if status == "200":
                assert bool(said.get("content")) is (path not in without_a_body), (path, method)
                assert all(kind["schema"] for kind in said.get("content", {}).values()), (path, method)
            elif int(status) >= 400:
                assert said["content"]["application/json"]["schema"]["$ref"].endswith("/Error"), (path, status)


def test_what_an_agent_may_say_is_what_is_read(document: Any) -> None:
    operation = document["paths"]["/api/v1/agents/{name}/events"]["post"]
    ours, _ = operation["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert set(ours["properties"]) == set(_KEYS)


def test_what_it_says_about_roles_is_what_is_asked_for(document: Any) -> None:
    """Each operation, asked without a token, and with one whose role may not."""
    asyncio.run(_each(document, Keyring([Token(role.value, role, digest_of(SECRET + role)) for role in Role])))


async def _each(document: Any, keyring: Keyring) -> None:
    app = openapi.application(access=Access(World().clock, keyring))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        for path, method, operation in operations(document):
            wanted = operation["x-role"]
            answer = await client.request(method, path)
            assert (answer.status_code == 401) is bool(wanted), (path, answer.text)
            assert bool(operation["security"]) is bool(wanted)
            for role in Role:
                if wanted and not may(role, Role(wanted)):
                    shown = {"authorization": f"Bearer {SECRET + role}"}
                    assert (await client.request(method, path, headers=shown)).status_code == 403, (path, role)
