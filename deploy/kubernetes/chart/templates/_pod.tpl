{{- /* What every pod here has. */ -}}
{{- define "ot.pod" -}}
serviceAccountName: {{ include "ot.account" .root }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .place.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .place.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .place.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user | default 10001 }}
  runAsGroup: {{ .group | default 10001 }}
  fsGroup: {{ .group | default 10001 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "ot.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: {drop: [ALL]}
{{- end }}

{{- /* A value as text; a whole number as it is written, and not as 1e+06. */ -}}
{{- define "ot.plain" -}}
{{- $whole := and (kindIs "float64" .) (eq (float64 (floor .)) (float64 .)) }}
{{- $whole | ternary (int64 .) . | toString }}
{{- end }}

{{- /* Variables, sorted. */ -}}
{{- define "ot.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ include "ot.plain" $value | quote }}
{{- end }}
{{- end }}

{{- /* For {NAME: {secret, key}}: NAME_FILE, and the file that is mounted for it. */ -}}
{{- define "ot.files.env" -}}
{{- range $name, $from := . }}
- name: {{ $name }}_FILE
  value: /run/secrets/orchestrator-telemetry/{{ $name | lower }}
{{- end }}
{{- end }}

{{- define "ot.files.mount" -}}
{{- if . }}
- name: secrets
  mountPath: /run/secrets/orchestrator-telemetry
  readOnly: true
{{- end }}
{{- end }}

{{- define "ot.files.volume" -}}
{{- if . }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $from := . }}
      - secret:
          name: {{ $from.secret }}
          items: [{key: {{ $from.key }}, path: {{ $name | lower }}}]
      {{- end }}
{{- end }}
{{- end }}
