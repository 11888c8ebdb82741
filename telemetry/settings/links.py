"""The part of the tree that says where else to look: the links that the dashboard shows at agents and alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator

from telemetry.fields import A_NAME, STRICT, About, Name, lower
from telemetry.links import A_BASE, A_SITE, A_TEMPLATE, Link, checked_base, checked_site, checked_template, presets

MOST_LINKS = 50


class LinkSetting(BaseModel):
    """Somewhere else to look."""

    model_config = STRICT
    name: Annotated[Name, About(A_NAME)]
    url: Annotated[str, AfterValidator(checked_template), About(A_TEMPLATE)]


def _not_too_many(links: tuple[LinkSetting, ...]) -> tuple[LinkSetting, ...]:
    if len(links) > MOST_LINKS:
        raise ValueError("too many")
    return links


Links = Annotated[tuple[LinkSetting, ...], AfterValidator(_not_too_many)]
SOME_LINKS = f"a list of at most {MOST_LINKS} links: - {{name: …, url: …}}"
_Base = Annotated[str, AfterValidator(checked_base)]


class LinkTo(BaseModel):
    """Where the backends of our own collector are looked at: each of these brings the links that fit it."""

    model_config = STRICT
    grafana: Annotated[_Base, About(A_BASE, "ORCHESTRATOR_GRAFANA_URL")] = ""
    """Its data source for Loki must be called `loki`."""
    kibana: Annotated[_Base, About(A_BASE, "ORCHESTRATOR_KIBANA_URL")] = ""
    jaeger: Annotated[_Base, About(A_BASE, "ORCHESTRATOR_JAEGER_URL")] = ""
    datadog_site: Annotated[
        str, BeforeValidator(lower), AfterValidator(checked_site), About(A_SITE, "ORCHESTRATOR_DATADOG_SITE")
    ] = ""

    def links(self) -> tuple[Link, ...]:
        """The links that these bring."""
        return tuple(
            presets(grafana=self.grafana, kibana=self.kibana, jaeger=self.jaeger, datadog_site=self.datadog_site)
        )
