#!/bin/sh
# install.sh [COLLECTOR]: puts the units, their user and their environment files in place, as root; and the collector that
# `orchestrator-telemetry collector build --print-path` names. Environment files that are there stay. DESTDIR=… for packages.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
root="${DESTDIR:-}"

if [ $# -gt 1 ] || { [ $# -eq 1 ] && [ ! -x "$1" ]; }; then
    echo 'usage: install.sh [COLLECTOR]; COLLECTOR is the built program' >&2
    exit 2
fi

for unit in "$here"/*.service; do
    install -D -m 0644 "$unit" "$root/etc/systemd/system/${unit##*/}"
done
install -D -m 0644 "$here/sysusers.d/orchestrator-telemetry.conf" "$root/usr/lib/sysusers.d/orchestrator-telemetry.conf"
install -D -m 0644 "$here/tmpfiles.d/orchestrator-telemetry.conf" "$root/usr/lib/tmpfiles.d/orchestrator-telemetry.conf"
install -D -m 0644 "$here/README.md" "$root/usr/share/doc/orchestrator-telemetry/README.md"
for name in monitor collector; do
    [ -e "$root/etc/orchestrator-telemetry/$name.env" ] ||
        install -D -m 0600 "$here/$name.env" "$root/etc/orchestrator-telemetry/$name.env"
done
if [ $# -eq 1 ]; then
    install -D -m 0755 "$1" "$root/opt/orchestrator-telemetry/bin/otelcol-orchestrator"
fi
if [ -n "$root" ]; then
    exit  # a package's own scripts do the rest
fi
systemd-sysusers orchestrator-telemetry.conf
systemd-tmpfiles --create orchestrator-telemetry.conf
systemctl daemon-reload
echo 'in place. Next: /etc/orchestrator-telemetry/*.env, and systemctl enable --now orchestrator-collector orchestrator-telemetry@USER'
