{{- /* Variables that are secret, wherever they stand. */ -}}
{{- define "ot.secret" -}}
(^APPRISE_URLS|^SLACK_WEBHOOK_URL|^ORCHESTRATOR_DEADMAN_URL|^OTEL_EXPORTER_OTLP_(.*_)?HEADERS|_API_KEY|_PASSWORD|_SECRET|_TOKEN)$
{{- end }}

{{- /* Variables that are neither of our programs' own, but of what they are made with. */ -}}
{{- define "ot.general" -}}
^(OTEL_[A-Z0-9_]+|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|AWS_[A-Z0-9_]+|GO[A-Z]+|PYTHON[A-Z]+|XDG_[A-Z_]+|TZ|LANG|LC_[A-Z]+|NO_COLOR)$
{{- end }}

{{- /* Of all maps of variables, used or not: a secret stays in what Helm keeps of a release. */ -}}
{{- define "ot.problems.variables" -}}
{{- $known := .Files.Get "known.yaml" | fromYaml -}}
{{- $ofBackends := list -}}
{{- range $known.backends -}}
{{- $ofBackends = concat $ofBackends .variables -}}
{{- end -}}
{{- $files := list -}}
{{- range $ofBackends -}}
{{- $files = append $files (printf "%s_FILE" .) -}}
{{- end -}}
{{- $places := dict "ORCHESTRATOR_COLLECTOR_TOKEN" "otlp.token" "" "backends.secrets" -}}
{{- $collector := dict "program" "the collector" "names" (concat $known.collector $files) "places" $places -}}
{{- $maps := dict "backends.env" .Values.backends.env "gateway.env" .Values.gateway.env "kafka.consumer.env" .Values.kafka.consumer.env -}}
{{- $own := dict -}}
{{- range $at, $env := $maps -}}
{{- $own = merge $own (pick ($env | default dict) "ORCHESTRATOR_COLLECTOR_BACKENDS_DIR") -}}
{{- end -}}
{{- if $own -}}
{{- $_ := set $collector "names" list -}}
{{- end -}}
{{- range $at, $env := $maps -}}
{{- include "ot.problems.env" (merge (dict "at" $at "env" $env) $collector) -}}
{{- end -}}
{{- range $name, $from := .Values.backends.secrets -}}
{{- if hasKey $.Values.backends.env $name }}
backends.secrets.{{ $name }} and backends.env.{{ $name }}: only one of them may be set
{{- else if not (or $own (has $name $ofBackends)) }}
backends.secrets.{{ $name }}: no backend has this variable, so it would have no effect; they are in otel-collector/README.md
{{- end -}}
{{- end -}}
{{- $monitor := include "ot.monitor.variables" . | fromYaml -}}
{{- range $at, $env := dict "monitor.env" .Values.monitor.env "monitor.nodes.env" .Values.monitor.nodes.env -}}
{{- include "ot.problems.env" (merge (dict "at" $at "env" $env) $monitor) -}}
{{- end -}}
{{- range $name, $from := .Values.monitor.secrets -}}
{{- if hasKey $.Values.monitor.env $name }}
monitor.secrets.{{ $name }} and monitor.env.{{ $name }}: only one of them may be set
{{- else if not (has (printf "%s_FILE" $name) $monitor.names) }}
monitor.secrets.{{ $name }}: the monitor reads no {{ $name }}_FILE, so it would have no effect; its variables are in README.md
{{- end -}}
{{- end -}}
{{- end }}

{{- /* What the monitor knows, and where its secrets belong. It knows the collector's variables, too, but has no use for most. */ -}}
{{- define "ot.monitor.variables" -}}
{{- $known := .Files.Get "known.yaml" | fromYaml -}}
{{- $places := dict "" "monitor.secrets" "ORCHESTRATOR_DASHBOARD_TOKEN" "monitor.dashboardToken" "ORCHESTRATOR_METRICS_TOKEN" "monitor.metricsToken" -}}
{{- if .Values.otlp.token.secret -}}
{{- $_ := set $places "OTEL_EXPORTER_OTLP_HEADERS" "otlp.token" -}}
{{- end -}}
{{- toYaml (dict "program" "the monitor" "names" (concat $known.monitor $known.collector) "places" $places) -}}
{{- end }}

{{- /* Of one map. Takes at, env, program, names (that it knows; none: any), places (of secrets, by variable, "" for all others). */ -}}
{{- define "ot.problems.env" -}}
{{- range $name, $value := .env | default dict -}}
{{- $place := get $.places $name | default (get $.places "") -}}
{{- if regexMatch (include "ot.secret" $) $name }}
{{ $.at }}: {{ $name }} is a secret: put it under {{ $place }}
{{- else if regexMatch "://[^/]*@" (toString $value) }}
{{ $.at }}: {{ $name }} has a user or a password in its address, which is a secret: put it under {{ $place }}
{{- else if and (hasSuffix "_URL" $name) $value (not (regexMatch "^((?i:https?)://[^/\\s]|\\$\\()" (toString $value))) }}
{{ $.at }}: {{ $name }} must be an absolute http:// or https:// URL with a host, such as https://example.com:1234
{{- else if and $.names (not (has $name $.names)) (not (regexMatch (include "ot.general" $) $name)) }}
{{ $.at }}: {{ $name }} is no variable of {{ $.program }}, and would have no effect; they are in {{ eq $.program "the monitor" | ternary "" "otel-collector/" }}README.md
{{- end -}}
{{- end -}}
{{- end }}
