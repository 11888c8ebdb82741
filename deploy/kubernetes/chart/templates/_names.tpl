{{- define "ot.name" -}}
{{- $chart := "orchestrator-telemetry" -}}
{{- $name := contains $chart .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $chart) -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- /* What a selector says: never changes between versions, since selectors can't be changed. */ -}}
{{- define "ot.selector" -}}
app.kubernetes.io/name: orchestrator-telemetry
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "ot.labels" -}}
{{ include "ot.selector" . }}
app.kubernetes.io/part-of: orchestrator-telemetry
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "ot.metadata" -}}
name: {{ include "ot.name" .root }}-{{ .suffix | default .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "ot.labels" . | nindent 2 }}
{{- end }}

{{- define "ot.image" -}}
{{- $image := index .root.Values.images .of -}}
image: {{ printf "%s:%s" $image.repository ($image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}

{{- define "ot.account" -}}
{{- .Values.serviceAccount.name | default (include "ot.name" .) -}}
{{- end }}

{{- define "ot.gateway.host" -}}
{{ include "ot.name" . }}-gateway.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "ot.gateway.url" -}}
{{- if .Values.monitor.endpoint }}{{ .Values.monitor.endpoint }}{{ else -}}
{{ empty .Values.otlp.tls.secret | ternary "http" "https" }}://{{ include "ot.gateway.host" . }}:4318
{{- end }}
{{- end }}

{{- /* One gateway can be asked how it is with its backends; of several each would tell something else. */ -}}
{{- define "ot.gateway.single" -}}
{{- if and (not .Values.monitor.endpoint) (eq (int .Values.gateway.replicas) 1) (not .Values.gateway.autoscaling.enabled) -}}true{{- end -}}
{{- end }}

{{- define "ot.gateway.backends" -}}
{{- .Values.kafka.enabled | ternary "kafka" (join "," .Values.backends.names) -}}
{{- end }}
