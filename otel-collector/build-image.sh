#!/bin/sh
# build-image.sh BINARY [NAME [SBOM]]: the container image of a collector that is built already (a static file, so that nothing is
# pulled or compiled here), as NAME and as NAME:VERSION. SBOM is the folder that `make sbom` wrote, which goes into it. DOCKER names another client, such as podman; CA_CERTIFICATES another bundle.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
binary="${1:?usage: build-image.sh BINARY [NAME [SBOM]]}"
name="${2:-orchestrator-telemetry-collector}"
version="$("$binary" --version | sed 's/.* //')"

certificates="${CA_CERTIFICATES:-}"
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -z "$certificates" ] && [ -r "$file" ]; then
        certificates="$file"
    fi
done
if [ -z "$certificates" ]; then
    echo 'build-image.sh: no certificate bundle found on this machine; CA_CERTIFICATES=FILE names one' >&2
    exit 1
fi

context="$(mktemp -d)"
trap 'rm -rf "$context"' EXIT
mkdir -m 0700 "$context/data"
mkdir "$context/sbom"
if [ -n "${3:-}" ]; then
    cp "$3"/* "$context/sbom/"
fi
cp "$here/Dockerfile" "$context/"
cp -L "$certificates" "$context/ca-certificates.crt"
cp "$binary" "$context/otelcol-orchestrator"
chmod 0755 "$context/otelcol-orchestrator"
"${DOCKER:-docker}" build --tag "$name" --tag "$name:$version" "$context"
echo "built the image $name:$version; for example:"
echo "  docker run --rm --read-only --cap-drop ALL --security-opt no-new-privileges -e BACKENDS=prometheus -p 127.0.0.1:4318:4318 -p 127.0.0.1:8889:8889 $name"
