#!/bin/sh
# Are main.go and components.go what the builder makes of manifest.yaml, and is the hand-written Go formatted?
# `check.sh --write` makes them so. Quick: it generates and compares, and resolves no dependency. The builder itself is
# installed once, into the cache folder of orchestrator-telemetry.
set -eu
cd "$(dirname "$0")"
version=v0.158.0
generated='main.go main_others.go main_windows.go components.go'
bin="${ORCHESTRATOR_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/orchestrator-telemetry}/collector-builder-$version"

if ! command -v go >/dev/null; then
    echo 'check.sh: Go is needed to check the generated files of the collector' >&2
    exit 1
fi
if [ ! -x "$bin/builder" ]; then
    mkdir -p "$bin"
    if ! GOBIN="$bin" GOFLAGS=-mod=mod GOTOOLCHAIN=auto go install "go.opentelemetry.io/collector/cmd/builder@$version" 2>"$bin/log"; then
        cat "$bin/log" >&2
        echo "check.sh: the collector's builder $version can't be fetched, so the generated files weren't checked" >&2
        exit 1
    fi
fi

out="$(mktemp -d)"
trap 'rm -rf "$out"' EXIT
sed "s#^  output_path: .*#  output_path: $out#" manifest.yaml >"$out/manifest.yaml"
if ! "$bin/builder" --config "$out/manifest.yaml" --skip-compilation --skip-get-modules --skip-strict-versioning >"$out/log" 2>&1; then
    cat "$out/log" >&2
    exit 1
fi

status=0
for file in $generated; do
    if [ "${1:-}" = --write ]; then
        cp "$out/$file" "$file"
    elif ! cmp -s "$out/$file" "$file"; then
        echo "otel-collector/$file isn't what manifest.yaml says: run otel-collector/check.sh --write" >&2
        status=1
    fi
done

# Every module of the manifest stands in go.mod with the same version (except this one itself).
sed -n 's/^  - gomod: \([^ ]*\) \(v[^ ]*\)$/\1 \2/p' manifest.yaml | while read -r module wanted; do
    case "$module" in orchestrator-telemetry/*) continue ;; esac
    grep -q "^	$module $wanted\( // indirect\)\{0,1\}$" go.mod || echo "$module $wanted"
done >"$out/missing"
if [ -s "$out/missing" ]; then
    echo 'otel-collector/go.mod and manifest.yaml differ in:' >&2
    cat "$out/missing" >&2
    status=1
fi

unformatted="$(find . -name '*.go' ! -name 'main*.go' ! -name components.go -exec "$(go env GOROOT)/bin/gofmt" -l {} +)"
if [ -n "$unformatted" ]; then
    echo "gofmt would change: $unformatted" >&2
    status=1
fi
exit $status
