{{- /* The secrets of a tier: who may send, and what its backends need. */ -}}
{{- define "ot.collector.files" -}}
{{- $files := dict -}}
{{- if .root.Values.otlp.token.secret -}}
{{- $files = dict "ORCHESTRATOR_COLLECTOR_TOKEN" .root.Values.otlp.token -}}
{{- end -}}
{{- if .last -}}
{{- $files = merge $files .root.Values.backends.secrets -}}
{{- end -}}
{{- toYaml $files -}}
{{- end }}

{{- /* What the chart decides, by variable; `env` in the values says otherwise. PUBLISHED_ON is empty for a service of a cluster: whoever
sends has to show a token or a certificate. */ -}}
{{- define "ot.collector.settings" -}}
{{- $memory := int .tier.memoryMiB -}}
BACKENDS: {{ .last | ternary (join "," .root.Values.backends.names) "kafka" }}
ORCHESTRATOR_COLLECTOR_HOST: {{ .root.Values.listen | quote }}
ORCHESTRATOR_COLLECTOR_PUBLISHED_ON: ""
ORCHESTRATOR_COLLECTOR_MEMORY_MIB: {{ $memory | quote }}
ORCHESTRATOR_COLLECTOR_MEMORY_SPIKE_MIB: {{ div $memory 4 | quote }}
ORCHESTRATOR_COLLECTOR_BODIES_MIB: {{ max 16 (min 64 (div $memory 4)) | quote }}
GOMEMLIMIT: {{ div (mul $memory 4) 5 }}MiB
ORCHESTRATOR_COLLECTOR_QUEUE_BYTES: {{ .tier.queueBytes | int64 | quote }}
ORCHESTRATOR_COLLECTOR_QUEUE_DIR: /data/queue
ORCHESTRATOR_COLLECTOR_FILE_DIR: /data
ORCHESTRATOR_COLLECTOR_LOG_FORMAT: json
{{- if .root.Values.otlp.tls.secret }}
ORCHESTRATOR_COLLECTOR_TLS_CERT: /run/secrets/orchestrator-telemetry-tls/tls.crt
ORCHESTRATOR_COLLECTOR_TLS_KEY: /run/secrets/orchestrator-telemetry-tls/tls.key
{{- if .root.Values.otlp.tls.clientCA }}
ORCHESTRATOR_COLLECTOR_TLS_CLIENT_CA: /run/secrets/orchestrator-telemetry-tls/ca.crt
{{- end }}
{{- end }}
{{- if .root.Values.kafka.enabled }}
{{ .last | ternary "ORCHESTRATOR_COLLECTOR_KAFKA_FROM" "KAFKA_BROKERS" }}: {{ .root.Values.kafka.brokers | quote }}
{{- if .last }}
ORCHESTRATOR_COLLECTOR_KAFKA_GROUP: {{ include "ot.name" .root }}
{{- end }}
{{- range $signal, $topic := .root.Values.kafka.topics }}
KAFKA_{{ $signal | upper }}_TOPIC: {{ $topic | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ot.collector.env" -}}
{{- $of := .last | ternary .root.Values.backends.env dict }}
{{- include "ot.env" (merge (dict) (.tier.env | default dict) $of (include "ot.collector.settings" . | fromYaml)) }}
{{- include "ot.files.env" .files }}
{{- end }}

{{- /* A page answers while it works; the start may take long, since every queue's file is looked at. */ -}}
{{- define "ot.collector.probes" -}}
startupProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end }}

{{- define "ot.collector.spec" -}}
{{- $files := include "ot.collector.files" . | fromYaml -}}
{{- $memory := int .tier.memoryMiB -}}
{{- include "ot.pod" (dict "root" .root "place" .tier) }}
terminationGracePeriodSeconds: 45
topologySpreadConstraints:
  {{- range $key, $otherwise := dict "topology.kubernetes.io/zone" .root.Values.topologySpread.zone "kubernetes.io/hostname" .root.Values.topologySpread.node }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: {{ $otherwise }}
    labelSelector:
      matchLabels:
        {{- include "ot.selector" $ | nindent 8 }}
  {{- end }}
containers:
  - name: collector
    {{- include "ot.image" (dict "root" .root "of" "collector") | nindent 4 }}
    env:
      {{- include "ot.collector.env" (merge (dict "files" $files) .) | trim | nindent 6 }}
    ports:
      {{- if .listens }}
      - {name: otlp-grpc, containerPort: 4317}
      - {name: otlp-http, containerPort: 4318}
      {{- end }}
      - {name: health, containerPort: 13133}
      - {name: telemetry, containerPort: 8888}
      {{- if and .last (has "prometheus" .root.Values.backends.names) }}
      - {name: prometheus, containerPort: 8889}
      {{- end }}
    {{- include "ot.collector.probes" . | nindent 4 }}
    # Senders learn of it before it ends. Stopping takes 8 s at most, whatever the backends do.
    lifecycle: {preStop: {sleep: {seconds: 10}}}
    resources:
      requests: {cpu: {{ .tier.cpu.request | quote }}, memory: {{ $memory }}Mi}
      limits:
        # Measured: with 64 MiB it stays within 192; with 512, within 768.
        memory: {{ add 128 (div (mul $memory 5) 4) }}Mi
        {{- with .tier.cpu.limit }}
        cpu: {{ . | quote }}
        {{- end }}
    {{- include "ot.confined" . | nindent 4 }}
    volumeMounts:
      - {name: data, mountPath: /data}
      {{- include "ot.files.mount" $files | trim | nindent 6 }}
      {{- if .root.Values.otlp.tls.secret }}
      - {name: tls, mountPath: /run/secrets/orchestrator-telemetry-tls, readOnly: true}
      {{- end }}
volumes:
  {{- if not .tier.persistence.enabled }}
  - name: data
    emptyDir: {sizeLimit: {{ .tier.persistence.size }}}
  {{- end }}
  {{- include "ot.files.volume" $files | trim | nindent 2 }}
  {{- if .root.Values.otlp.tls.secret }}
  - name: tls
    secret: {secretName: {{ .root.Values.otlp.tls.secret }}, defaultMode: 0440}
  {{- end }}
{{- end }}

{{- /* One tier: the pods, what names them, how many there are. Takes root, component, tier, listens (to OTLP), last (sends to the backends). */ -}}
{{- define "ot.tier" -}}
{{- $kind := .tier.persistence.enabled | ternary "StatefulSet" "Deployment" -}}
{{- $name := printf "%s-%s" (include "ot.name" .root) .component -}}
apiVersion: apps/v1
kind: {{ $kind }}
metadata:
  {{- include "ot.metadata" . | nindent 2 }}
spec:
  {{- if not .tier.autoscaling.enabled }}
  replicas: {{ .tier.replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "ot.selector" . | nindent 6 }}
  {{- if .tier.persistence.enabled }}
  serviceName: {{ $name }}-pods
  podManagementPolicy: Parallel
  updateStrategy: {type: RollingUpdate}
  minReadySeconds: 5
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
  {{- else }}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  minReadySeconds: 5
  {{- end }}
  template:
    metadata:
      labels:
        {{- include "ot.labels" . | nindent 8 }}
      {{- with .tier.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "ot.collector.spec" . | nindent 6 }}
  {{- if .tier.persistence.enabled }}
  volumeClaimTemplates:
    {{- include "ot.claim" (merge (dict "name" "data" "persistence" .tier.persistence) .) | nindent 4 }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "ot.metadata" (merge (dict "suffix" (printf "%s-pods" .component)) .) | nindent 2 }}
    orchestrator-telemetry/pages: "true"  # what a ServiceMonitor looks for
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "ot.selector" . | nindent 4 }}
  ports:
    - {name: telemetry, port: 8888, targetPort: telemetry}
    {{- if and .last (has "prometheus" .root.Values.backends.names) }}
    - {name: prometheus, port: 8889, targetPort: prometheus}
    {{- end }}
{{- if or .tier.autoscaling.enabled (gt (int .tier.replicas) 1) }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "ot.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "ot.selector" . | nindent 6 }}
{{- end }}
{{- if .tier.autoscaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "ot.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: {{ $kind }}, name: {{ $name }}}
  minReplicas: {{ .tier.autoscaling.minReplicas }}
  maxReplicas: {{ .tier.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .tier.autoscaling.cpuPercent }}}}
  behavior:
    scaleUp: {stabilizationWindowSeconds: 60}
    {{- if .tier.persistence.enabled }}
    scaleDown: {selectPolicy: Disabled}  # what waits on the volume of a pod that is gone would wait for its return
    {{- else }}
    scaleDown: {stabilizationWindowSeconds: 600}
    {{- end }}
{{- end }}
{{- end }}

{{- /* Nothing in it may change between versions: Kubernetes refuses that. */ -}}
{{- define "ot.claim" -}}
- metadata:
    name: {{ .name }}
    labels:
      {{- include "ot.selector" . | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .persistence.storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ .persistence.size }}}}
{{- end }}
