{{- /* {NAME: {secret, key}} of a monitor, all that is read from files. */ -}}
{{- define "ot.monitor.files" -}}
{{- $files := dict "ORCHESTRATOR_DASHBOARD_TOKEN" .Values.monitor.dashboardToken -}}
{{- with .Values.otlp.token -}}
{{- if .secret -}}
{{- $_ := set $files "OTEL_EXPORTER_OTLP_HEADERS" (dict "secret" .secret "key" .headersKey) -}}
{{- end -}}
{{- end -}}
{{- if .Values.monitor.metricsToken.secret -}}
{{- $_ := set $files "ORCHESTRATOR_METRICS_TOKEN" .Values.monitor.metricsToken -}}
{{- end -}}
{{- toYaml (merge $files .Values.monitor.secrets) -}}
{{- end }}

{{- /* What the chart decides, by variable; `env` in the values says otherwise. The state is a folder of its own, closed to others. */ -}}
{{- define "ot.monitor.settings" -}}
ORCHESTRATOR_PROFILE: {{ .root.Values.monitor.profile }}
ORCHESTRATOR_SOURCES: {{ join "," .sources | quote }}
ORCHESTRATOR_STATE_DIR: /var/lib/orchestrator-telemetry/state
ORCHESTRATOR_DASHBOARD_HOST: {{ .root.Values.listen | trimPrefix "[" | trimSuffix "]" | quote }}
ORCHESTRATOR_DASHBOARD_ALLOWED_HOSTS: {{ join "," (concat .names .root.Values.monitor.allowedHosts) | quote }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ include "ot.gateway.url" .root | quote }}
OTEL_METRIC_EXPORT_INTERVAL: "15000"
{{- if include "ot.gateway.single" .root }}
ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT: "8888"
BACKENDS: {{ include "ot.gateway.backends" .root }}
{{- end }}
{{- if .root.Values.otlp.tls.secret }}
OTEL_EXPORTER_OTLP_CERTIFICATE: /run/secrets/orchestrator-telemetry-tls/ca.crt
{{- if .root.Values.otlp.tls.senders }}
OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: /run/secrets/orchestrator-telemetry-tls/tls.crt
OTEL_EXPORTER_OTLP_CLIENT_KEY: /run/secrets/orchestrator-telemetry-tls/tls.key
{{- end }}
{{- end }}
{{- if .node }}
ORCHESTRATOR_CLUSTER_NAME: $(NODE_NAME)
OTEL_RESOURCE_ATTRIBUTES: host.name=$(NODE_NAME),service.instance.id=$(NODE_NAME)
{{- end }}
{{- if .root.Values.monitor.settings }}
ORCHESTRATOR_CONFIG: /etc/orchestrator-telemetry/orchestrator-telemetry.yaml
{{- end }}
{{- end }}

{{- define "ot.monitor.env" -}}
{{- if .node }}
# By it the monitor is the same one as before when its pod was made anew.
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- end }}
{{- include "ot.env" (merge (dict) (.env | default dict) .root.Values.monitor.env (include "ot.monitor.settings" . | fromYaml)) }}
{{- include "ot.files.env" .files }}
{{- end }}

{{- define "ot.monitor.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: dashboard}
  periodSeconds: 2
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: dashboard}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: dashboard}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{- /* The container. Takes root, sources, env, names (under which the dashboard is asked for), node, mounts. */ -}}
{{- define "ot.monitor.container" -}}
{{- $files := include "ot.monitor.files" .root | fromYaml -}}
name: monitor
{{ include "ot.image" (dict "root" .root "of" "monitor") }}
args: [dashboard]
env:
  {{- include "ot.monitor.env" (merge (dict "files" $files) .) | trim | nindent 2 }}
ports:
  - {name: dashboard, containerPort: 8000}
{{ include "ot.monitor.probes" . }}
resources:
  {{- toYaml .root.Values.monitor.resources | nindent 2 }}
{{ include "ot.confined" . }}
volumeMounts:
  - {name: state, mountPath: /var/lib/orchestrator-telemetry}
  - {name: tmp, mountPath: /tmp}
  {{- include "ot.files.mount" $files | trim | nindent 2 }}
  {{- if .root.Values.otlp.tls.secret }}
  - {name: tls, mountPath: /run/secrets/orchestrator-telemetry-tls, readOnly: true}
  {{- end }}
  {{- if .root.Values.monitor.settings }}
  - {name: settings, mountPath: /etc/orchestrator-telemetry, readOnly: true}
  {{- end }}
  {{- range .mounts }}
  - {{ toJson . }}
  {{- end }}
{{- end }}

{{- /* Its volumes, but for `state`. Of the gateway's certificate only the authority's. */ -}}
{{- define "ot.monitor.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- include "ot.files.volume" (include "ot.monitor.files" . | fromYaml) }}
{{- if .Values.otlp.tls.secret }}
- name: tls
  projected:
    defaultMode: 0440
    sources:
      - secret: {name: {{ .Values.otlp.tls.secret }}, items: [{key: ca.crt, path: ca.crt}]}
      {{- with .Values.otlp.tls.senders }}
      - secret: {name: {{ . }}, items: [{key: tls.crt, path: tls.crt}, {key: tls.key, path: tls.key}]}
      {{- end }}
{{- end }}
{{- if .Values.monitor.settings }}
- name: settings
  configMap: {name: {{ include "ot.name" . }}-monitor}
{{- end }}
{{- end }}

{{- /* Pods of a changed settings file are made anew. */ -}}
{{- define "ot.monitor.annotations" -}}
{{- with .Values.monitor.settings }}
annotations:
  checksum/settings: {{ toYaml . | sha256sum }}
{{- end }}
{{- end }}
