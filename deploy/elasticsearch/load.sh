#!/usr/bin/env bash
# Puts what is here into Elasticsearch and, where KIBANA_URL is set, into Kibana:
#   ELASTICSEARCH_URL=https://elasticsearch:9200 [KIBANA_URL=https://kibana:5601] ./load.sh production
# ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD: as the collector has them. It may be run again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
template=$here/../../otel-collector/elasticsearch/index-template.json  # the collector's own, and the only one

profile=${1:-}
if [[ $# -ne 1 || ! -f $here/lifecycle/$profile.json ]]; then
    echo "usage: load.sh $(cd "$here/lifecycle" && printf '%s\n' *.json | sed 's/\.json$//' | paste -sd '|' -)" >&2
    exit 2
fi
if [[ -z ${ELASTICSEARCH_URL:-} ]]; then
    echo 'load.sh: ELASTICSEARCH_URL is not set; such as https://elasticsearch:9200' >&2
    exit 2
fi

# Keys and passwords go through a pipe: whoever lists the processes sees no arguments of curl with them.
credentials() {
    if [[ -n ${ELASTICSEARCH_API_KEY:-} ]]; then
        printf 'header = "Authorization: ApiKey %s"\n' "$(quoted "$ELASTICSEARCH_API_KEY")"
    elif [[ -n ${ELASTICSEARCH_USER:-} ]]; then
        printf 'user = "%s:%s"\n' "$(quoted "$ELASTICSEARCH_USER")" "$(quoted "${ELASTICSEARCH_PASSWORD:-}")"
    fi
}

quoted() {
    sed 's/[\\"]/\\&/g' <<<"$1"
}

# send WHAT METHOD URL [curl's arguments]: one request, and what became of it
send() {
    local what=$1 method=$2 url=$3 answer
    shift 3
    if ! answer=$(credentials | curl --config - --silent --show-error --fail-with-body -X "$method" "$url" "$@" 2>&1); then
        echo "load.sh: $what was not taken: $answer" >&2
        exit 1
    fi
    echo "$what: there"
}

put() {
    send "$1" PUT "${ELASTICSEARCH_URL%/}/$2" -H 'Content-Type: application/json' --data-binary "@$3"
}

put "lifecycle ($profile)" _ilm/policy/orchestrator-telemetry "$here/lifecycle/$profile.json"
put 'component template' _component_template/orchestrator-telemetry@custom "$here/component-template.json"
put 'index template' _index_template/orchestrator "$template"
if [[ -n ${KIBANA_URL:-} ]]; then
    send 'Kibana objects' POST "${KIBANA_URL%/}/api/saved_objects/_import?overwrite=true" -H 'kbn-xsrf: true' \
        --form "file=@$here/kibana.ndjson"
fi
