"""What is built: the one table of names and pinned versions, and where each comes from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tests.backends.cache import backends_dir

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Part:
    """One server to be built. `minutes` is what it usually takes on two idle cores with nothing cached."""

    name: str
    version: str
    minutes: float
    needs: tuple[str, ...] = ("go",)
    by_hand: bool = False
    """Built only where somebody asks for it by its name: too heavy for every run."""

    @property
    def folder(self) -> Path:
        """Where the finished build is, complete whenever it is there."""
        return backends_dir() / f"{self.name}-{self.version}"


@dataclass(frozen=True, kw_only=True)
class GoModule(Part):
    """Commands of a published Go module, built with that module's own go.mod and go.sum."""

    module: str
    packages: tuple[str, ...]
    tags: tuple[str, ...] = ()
    drop_replaces: tuple[str, ...] = ()
    placeholders: tuple[str, ...] = ()
    """Files that the code embeds and the published module leaves out (the web pages)."""
    staged: str = ""
    """The version of its siblings that are published by themselves, where its own tree has them in staging/."""
    linked: tuple[str, ...] = ()
    """Variables as the linker sets them, PACKAGE.NAME=TEXT: where a program knows its version by nothing else."""


@dataclass(frozen=True, kw_only=True)
class GoSource(Part):
    """A Go command whose source is in this tree."""

    source: Path


@dataclass(frozen=True, kw_only=True)
class Jars(Part):
    """Published jars, those that a pom.xml in this tree names, and what is compiled against them from beside it."""

    release: str
    source: Path


@dataclass(frozen=True, kw_only=True)
class ElasticsearchJars(Jars):
    """Elasticsearch's, laid out as a home folder, and the launcher."""


@dataclass(frozen=True, kw_only=True)
class KafkaJars(Jars):
    """Kafka's, and the reader."""


def _digest(folder: Path) -> str:
    """Names a source folder's content, so that an edit is built anew and an old build is never taken for it."""
    sha = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.endswith("_test.go")):
        sha.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return sha.hexdigest()[:10]


ELASTICSEARCH = "8.19.21"
KAFKA = "4.3.1"

PARTS: dict[str, Part] = {
    part.name: part
    for part in (
        GoModule(
            name="prometheus",
            version="v0.316.0",
            minutes=4,
            module="github.com/prometheus/prometheus",
            packages=("./cmd/prometheus", "./cmd/promtool"),
            tags=("remove_all_sd", "enable_dns_sd"),
        ),
        GoModule(
            name="loki",
            version="v3.7.8",
            minutes=9,
            module="github.com/grafana/loki/v3",
            packages=("./cmd/loki",),
            drop_replaces=("github.com/grafana/loki/pkg/push",),
        ),
        GoModule(
            name="alertmanager",
            version="v0.34.2",
            minutes=2,
            module="github.com/prometheus/alertmanager",
            packages=("./cmd/alertmanager", "./cmd/amtool"),
            placeholders=("ui/app/dist/index.html",),
        ),
        ElasticsearchJars(
            name="elasticsearch",
            version=f"{ELASTICSEARCH}-{_digest(HERE / 'elasticsearch')}",
            minutes=0.5,
            needs=("javac", "java", "mvn"),
            release=ELASTICSEARCH,
            source=HERE / "elasticsearch",
        ),
        KafkaJars(
            name="kafka",
            version=f"{KAFKA}-{_digest(HERE / 'kafka')}",
            minutes=0.3,
            needs=("javac", "java", "mvn"),
            release=KAFKA,
            source=HERE / "kafka",
        ),
        GoModule(
            name="jaeger",
            version="v1.76.0",
            minutes=5,
            module="github.com/jaegertracing/jaeger",
            packages=("./cmd/jaeger",),
            placeholders=("cmd/query/app/ui/actual/README",),
        ),
        GoModule(
            name="helm",
            version="v4.3.1",
            minutes=6,
            by_hand=True,
            module="helm.sh/helm/v4",
            packages=("./cmd/helm",),
        ),
        GoModule(
            name="kubeconform",
            version="v0.8.0",
            minutes=0.5,
            by_hand=True,
            module="github.com/yannh/kubeconform",
            packages=("./cmd/kubeconform",),
        ),
        GoModule(
            name="etcd",
            version="v3.7.3",
            minutes=2,
            by_hand=True,
            module="go.etcd.io/etcd/server/v3",
            packages=(".",),
            drop_replaces=tuple(f"go.etcd.io/etcd/{name}/v3" for name in ("api", "client/pkg", "client", "pkg")),
        ),
        GoModule(
            name="kube-apiserver",
            version="v1.37.2",
            minutes=10,
            by_hand=True,
            module="k8s.io/kubernetes",
            packages=("./cmd/kube-apiserver",),
            staged="v0.37.2",
            linked=tuple(
                f"k8s.io/component-base/version.git{name}={text}"
                for name, text in (("Version", "v1.37.2"), ("Major", "1"), ("Minor", "37"))
            ),
        ),
        GoSource(
            name="datadogrecorder",
            version=_digest(HERE / "datadogrecorder"),
            minutes=1,
            source=HERE / "datadogrecorder",
        ),
        GoSource(
            name="composeconfig",
            version=_digest(HERE / "composeconfig"),
            minutes=0.2,
            source=HERE / "composeconfig",
        ),
    )
}
