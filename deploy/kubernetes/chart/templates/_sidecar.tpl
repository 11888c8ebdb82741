{{- /*
A monitor beside agents in one pod, for charts that have this one as a dependency: ../../examples/sidecar is one.
Takes root (this chart's part of the other's scope); sources (by default claude, push); env; mounts: what it sees of the
agents' files. It runs as the pod's user, who must be the agents'. The pod has a volume `state` besides those below: a claim, where
alerts and silences shall outlast the pod.
*/ -}}
{{- define "orchestrator-telemetry.sidecar" -}}
{{- $about := dict "at" "the sidecar's env" "env" .env -}}
{{- with include "ot.problems.env" (merge $about (include "ot.monitor.variables" .root | fromYaml)) | trim -}}
{{- fail (printf "\n%s" .) -}}
{{- end -}}
restartPolicy: Always
{{ include "ot.monitor.container" (merge (dict "names" list) . (dict "sources" (list "claude" "push"))) }}
{{- end }}

{{- define "orchestrator-telemetry.sidecar.volumes" -}}
{{ include "ot.monitor.volumes" . }}
{{- end }}
