#!/bin/sh
# secrets.sh: makes what is missing in secrets/: random passwords, and empty files for what only you know. What is there stays.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0700 secrets

random() {
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

make() {
    [ -e "secrets/$1" ] && return
    printf %s "$2" >"secrets/$1"
    # Containers have users of their own, who must be able to read it; on this machine the folder (0700) keeps others out.
    chmod 0644 "secrets/$1"
    echo "secrets/$1: $3"
}

make dashboard_token "$(random)" "made; it signs in at http://127.0.0.1:8000"
make grafana_password "$(random)" "made; for admin at http://127.0.0.1:3000"
make slack_url '' 'empty: the address of a Slack webhook, for alerts'
make heartbeat_url '' 'empty: the address of a heartbeat that alarms when it is no longer asked for'
make dd_api_key '' "empty: Datadog's key, for the profile datadog"
