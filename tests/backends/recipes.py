"""How each kind of part is made, inside a temporary folder that is thrown away afterwards."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from tests.backends import needs
from tests.backends.cache import cache_dir
from tests.backends.commands import Commands
from tests.backends.parts import ElasticsearchJars, GoModule, GoSource, Jars, KafkaJars, Part

MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
DESCRIPTOR = "plugin-descriptor.properties"


def make(part: Part, temporary: Path, commands: Commands) -> Path:
    """Build a part under `temporary` and give the folder to be kept."""
    finished = temporary / "finished"
    finished.mkdir(parents=True)
    match part:
        case GoModule():
            _go_module(part, temporary, finished / "bin", commands)
        case GoSource():
            _copy_writable(part.source, temporary / "source")
            _go_build(temporary / "source", finished / "bin", ("./...",), commands)
        case ElasticsearchJars():
            _elasticsearch(part, temporary, finished, commands)
        case KafkaJars():
            _download_jars(part, temporary, finished / "lib", commands)
            _compile_java(part.source / "Reader.java", finished / "lib", finished / "classes", temporary, commands)
        case _:
            raise TypeError(f"no recipe for {part}")
    return finished


def go_environment() -> dict[str, str]:
    """An environment in which Go builds alike whatever the user's settings are, and also without a home folder."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GOOS", "GOARCH", "GOEXPERIMENT", "GO111MODULE")
    }
    env |= {"GOWORK": "off", "GOTOOLCHAIN": "auto", "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0"}
    if not env.get("HOME"):
        env |= {"HOME": str(cache_dir()), "GOPATH": str(cache_dir() / "go"), "GOCACHE": str(cache_dir() / "go-build")}
    return env


def _go_module(part: GoModule, temporary: Path, out: Path, commands: Commands) -> None:
    go = needs.required("go")
    # outside of any module: the tree's own go.mod has no say here
    wanted = f"{part.module}@{part.version}"
    answer = commands.run(
        "downloading its source", [go, "mod", "download", "-json", wanted], temporary, go_environment()
    )
    source = temporary / "source"
    _copy_writable(Path(json.loads(answer)["Dir"]), source)
    for name in part.placeholders:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("The web pages are not part of the published module.\n")
    edits = [f"-dropreplace={replaced}" for replaced in part.drop_replaces]
    if part.staged:
        shutil.rmtree(source / "vendor", ignore_errors=True)
        said = commands.run("reading go.mod", [go, "mod", "edit", "-json"], source, go_environment())
        edits += _published(json.loads(said), part.staged)
    if edits:
        commands.run("editing go.mod", [go, "mod", "edit", *edits], source, go_environment())
    # a dropped replacement's sum is not in go.sum yet; nothing else may change
    mode = "mod" if edits else "readonly"
    _go_build(source, out, part.packages, commands, tags=part.tags, mode=mode, linked=part.linked)


def _published(go_mod: dict[str, Any], version: str) -> list[str]:
    """Edits by which modules of a tree's staging/ are those that were published from it."""
    staged = {one["Old"]["Path"] for one in go_mod["Replace"] if one["New"]["Path"].startswith("./staging/")}
    needed = [one["Path"] for one in go_mod["Require"] if one["Path"] in staged]
    return [f"-dropreplace={name}" for name in sorted(staged)] + [f"-require={name}@{version}" for name in needed]


def _go_build(
    source: Path,
    out: Path,
    packages: tuple[str, ...],
    commands: Commands,
    *,
    tags: tuple[str, ...] = (),
    mode: str = "readonly",
    linked: tuple[str, ...] = (),
) -> None:
    out.mkdir()
    to_link = " ".join(["-s -w", *(f"-X {variable}" for variable in linked)])
    command = [needs.required("go"), "build", f"-mod={mode}", "-trimpath", "-ldflags", to_link, "-tags", ",".join(tags)]
    commands.run("compiling", [*command, "-o", f"{out}/", *packages], source, go_environment())


def _copy_writable(source: Path, target: Path) -> None:
    """Copy a folder of Go's module cache, which is read-only, so that the copy can be edited and removed."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)


def _download_jars(part: Jars, temporary: Path, jars: Path, commands: Commands) -> None:
    maven = [needs.required("mvn"), "-B", "-q", "-ntp", "-f", str(part.source / "pom.xml"), MAVEN_COPY]
    settings = {
        f"{part.name}.version": part.release,
        "outputDirectory": str(jars),
        "includeScope": "runtime",
        "maven.repo.local": str(temporary / "repository"),  # a home folder need not exist, nor is one filled
    }
    commands.run(
        "downloading its jars", [*maven, *(f"-D{name}={value}" for name, value in settings.items())], temporary
    )


def _compile_java(source: Path, jars: Path, classes: Path, temporary: Path, commands: Commands) -> None:
    javac = [needs.required("javac"), "--release", "17", "-d", str(classes), "-cp", f"{jars}/*"]
    commands.run(f"compiling {source.name}", [*javac, str(source)], temporary)


def _elasticsearch(part: ElasticsearchJars, temporary: Path, home: Path, commands: Commands) -> None:
    """Lay the published jars out as a home folder: lib/, and in modules/ what the node loads as plugins."""
    jars, modules = home / "lib", home / "modules"
    _download_jars(part, temporary, jars, commands)

    transport = modules / "transport-netty4"
    transport.mkdir(parents=True)
    for jar in [*jars.glob("netty-*.jar"), *jars.glob("transport-netty4-*.jar")]:
        jar.rename(transport / jar.name)
    with zipfile.ZipFile(transport / f"transport-netty4-{part.release}.jar") as archive:
        described = archive.read(f"META-INF/es-plugins/transport-netty4/{DESCRIPTOR}").decode()
    # its code runs on the class path here, not as a Java module
    lines = [line for line in described.splitlines() if line and not line.startswith(("#", "modulename"))]
    (transport / DESCRIPTOR).write_text("\n".join(lines) + "\n")

    classes = home / "classes"
    _compile_java(part.source / "Launcher.java", jars, classes, temporary, commands)
    # a plugin's class has to come from its module's own jar
    root = modules / "rest-root"
    root.mkdir()
    with zipfile.ZipFile(root / "rest-root.jar", "w") as archive:
        for compiled in sorted(classes.rglob("Launcher$RootPlugin*.class")):
            archive.write(compiled, compiled.relative_to(classes))
            compiled.unlink()
    (root / DESCRIPTOR).write_text(
        "name=rest-root\ndescription=Answers GET /\nclassname=backends.Launcher$RootPlugin\njava.version=17\n"
        f"version={part.release}\nelasticsearch.version={part.release}\n"
    )
