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

{{- define "ot.monitor.env" -}}
- name: ORCHESTRATOR_PROFILE
  value: {{ .root.Values.monitor.profile }}
- name: ORCHESTRATOR_SOURCES
  value: {{ join "," .sources | quote }}
- name: ORCHESTRATOR_STATE_DIR
  value: /var/lib/orchestrator-telemetry/state  # a folder of its own: closed to others
- name: ORCHESTRATOR_DASHBOARD_HOST
  value: {{ .root.Values.listen | trimPrefix "[" | trimSuffix "]" | quote }}
- name: ORCHESTRATOR_DASHBOARD_ALLOWED_HOSTS
  value: {{ join "," (concat .names .root.Values.monitor.allowedHosts) | quote }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ include "ot.gateway.url" .root | quote }}
- name: OTEL_METRIC_EXPORT_INTERVAL
  value: "15000"
{{- if include "ot.gateway.single" .root }}
- name: ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT
  value: "8888"
- name: BACKENDS
  value: {{ include "ot.gateway.backends" .root }}
{{- end }}
{{- if .root.Values.otlp.tls.secret }}
- name: OTEL_EXPORTER_OTLP_CERTIFICATE
  value: /run/secrets/orchestrator-telemetry-tls/ca.crt
{{- with .root.Values.otlp.tls.senders }}
- name: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE
  value: /run/secrets/orchestrator-telemetry-tls/tls.crt
- name: OTEL_EXPORTER_OTLP_CLIENT_KEY
  value: /run/secrets/orchestrator-telemetry-tls/tls.key
{{- end }}
{{- end }}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- if .node }}
# The same monitor as before after its pod was made anew.
- name: ORCHESTRATOR_CLUSTER_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: host.name=$(NODE_NAME),service.instance.id=$(NODE_NAME)
{{- end }}
{{- if .root.Values.monitor.settings }}
- name: ORCHESTRATOR_CONFIG
  value: /etc/orchestrator-telemetry/orchestrator-telemetry.yaml
{{- end }}
{{- include "ot.env" (merge (dict) (.env | default dict) .root.Values.monitor.env) }}
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
