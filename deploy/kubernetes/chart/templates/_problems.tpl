{{- /*
What is wrong with the values, a line each: what a schema can't say, or not in a line. Nothing where nothing is wrong.
What our programs know is in known.yaml. Of a variable only the name is told.
*/ -}}
{{- define "ot.problems" -}}
{{- include "ot.problems.variables" . -}}
{{- if not .Values.monitor.endpoint -}}
{{- include "ot.problems.gateway" . -}}
{{- end -}}
{{- include "ot.problems.resources" (dict "at" "monitor.resources" "of" .Values.monitor.resources) -}}
{{- if .Values.monitor.hub.enabled -}}
{{- include "ot.problems.size" (dict "at" "monitor.hub.persistence.size" "of" .Values.monitor.hub.persistence.size "such" "1Gi") -}}
{{- end -}}
{{- end }}

{{- define "ot.problems.gateway" -}}
{{- $kafka := .Values.kafka.enabled -}}
{{- $shown := $kafka | ternary .Values.kafka.consumer .Values.gateway -}}
{{- $tls := .Values.otlp.tls -}}
{{- if and (not .Values.otlp.token.secret) (not (and $tls.secret $tls.clientCA)) }}
otlp: who may send? Set otlp.token.secret, or otlp.tls.secret and otlp.tls.clientCA
{{- end -}}
{{- if and $tls.clientCA (not $tls.senders) (or .Values.monitor.hub.enabled .Values.monitor.nodes.enabled) }}
otlp.tls.clientCA: the monitors need a certificate, too: set otlp.tls.senders
{{- end -}}
{{- if and (has "prometheus" .Values.backends.names) (or $shown.autoscaling.enabled (gt (int $shown.replicas) 1)) }}
backends.names: prometheus is a page of one collector, and there are several: take prometheus-otlp or prometheus-remote-write
{{- end -}}
{{- if $kafka -}}
{{- if has "kafka" .Values.backends.names }}
backends.names: kafka is what the consumers read from: with kafka.enabled it is no backend
{{- end -}}
{{- if not .Values.kafka.brokers }}
kafka.brokers must be set where kafka.enabled is true, such as kafka-0.kafka:9092
{{- end -}}
{{- include "ot.problems.tier" (dict "root" . "at" "kafka.consumer" "tier" .Values.kafka.consumer "last" true) -}}
{{- end -}}
{{- include "ot.problems.tier" (dict "root" . "at" "gateway" "tier" .Values.gateway "last" (not $kafka)) -}}
{{- end }}

{{- /* Of one tier. Takes root, at (where its values are), tier, last (sends to the backends). */ -}}
{{- define "ot.problems.tier" -}}
{{- $known := .root.Files.Get "known.yaml" | fromYaml -}}
{{- $env := merge (dict) (.tier.env | default dict) (.last | ternary .root.Values.backends.env dict) -}}
{{- $chosen := .last | ternary .root.Values.backends.names (list "kafka") -}}
{{- with get $env "BACKENDS" -}}
{{- $chosen = splitList "," (nospace .) -}}
{{- end -}}
{{- $scaled := .tier.autoscaling -}}
{{- if and $scaled.enabled (gt (int $scaled.minReplicas) (int $scaled.maxReplicas)) }}
{{ .at }}.autoscaling.minReplicas={{ int $scaled.minReplicas }} must be at most maxReplicas, which is {{ int $scaled.maxReplicas }}
{{- end -}}
{{- $limits := dict -}}
{{- with .tier.cpu.limit -}}
{{- $_ := set $limits "limit" . -}}
{{- end -}}
{{- include "ot.problems.cpu" (dict "at" (printf "%s.cpu" .at) "request" (dict "request" .tier.cpu.request) "limit" $limits) -}}
{{- $size := printf "%s.persistence.size" .at -}}
{{- include "ot.problems.size" (dict "at" $size "of" .tier.persistence.size "such" "10Gi") -}}
{{- if .last -}}
{{- range $name := $chosen -}}
{{- range $variable := (get $known.backends $name | default dict).needs -}}
{{- $given := or (get $env $variable) (get $env (printf "%s_FILE" $variable)) (hasKey $.root.Values.backends.secrets $variable) -}}
{{- if not (or $given (eq $name "kafka" | and $.root.Values.kafka.enabled)) }}
backends.names: {{ $name }} needs {{ $variable }}: set {{ regexMatch (include "ot.secret" $) $variable | ternary "backends.secrets" "backends.env" }}.{{ $variable }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $queues := 0 -}}
{{- range $name := $chosen -}}
{{- range $variable := (get $known.backends $name | default dict).queues -}}
{{- if ne (get $env $variable | toString) "nop" -}}
{{- $queues = add1 $queues -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $bytes := include "ot.bytes" .tier.persistence.size | default "0" | float64 -}}
{{- $mebibytes := include "ot.problems.files" (dict "known" $known.backends "chosen" $chosen "env" $env) | float64 -}}
{{- $left := subf $bytes (mulf $mebibytes 1048576.0) -}}
{{- if lt $bytes 1048576.0 -}}
{{- else if le $left 0.0 }}
{{ $size }}={{ .tier.persistence.size }} must be more than {{ printf "%.0f" (ceil $mebibytes) }}Mi: the files of {{ join ", " $chosen }} may grow to that
{{- else if and $queues (ne (get $env "ORCHESTRATOR_COLLECTOR_QUEUE_STORAGE" | toString) "null") -}}
{{- $own := get $env "ORCHESTRATOR_COLLECTOR_QUEUE_BYTES" -}}
{{- $each := $own | default .tier.queueBytes | float64 -}}
{{- $most := divf $left (mulf $queues 1.5) -}}
{{- if gt $each $most }}
{{ .at }}.{{ empty $own | not | ternary "env.ORCHESTRATOR_COLLECTOR_QUEUE_BYTES" "queueBytes" }}={{ printf "%.0f" $each }} must be at most {{ printf "%.0f" (floor $most) }}: the queues of {{ join ", " $chosen }} are {{ $queues }}, and {{ $size }}={{ .tier.persistence.size }} must hold half as much again{{ if $mebibytes }}, besides files of {{ printf "%.0f" $mebibytes }} MiB{{ end }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* MiB that what the chosen backends write themselves may grow to on the volume; 0 where that is elsewhere. */ -}}
{{- define "ot.problems.files" -}}
{{- $mebibytes := 0.0 -}}
{{- if hasPrefix "/data" (get .env "ORCHESTRATOR_COLLECTOR_FILE_DIR" | default "/data") -}}
{{- range $name := .chosen -}}
{{- with (get $.known $name | default dict).files -}}
{{- $each := get $.env .megabytes.variable | default .megabytes.default | float64 -}}
{{- $backups := get $.env .backups.variable | default .backups.default | float64 -}}
{{- $mebibytes = addf $mebibytes (mulf .count $each (addf $backups 1.0)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- printf "%f" $mebibytes -}}
{{- end }}

{{- /* --- amounts --- */ -}}

{{- /* Bytes of 10Gi, 512Mi, 1G, 1048576; empty where it is no such amount. */ -}}
{{- define "ot.bytes" -}}
{{- $units := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 -}}
{{- $text := include "ot.plain" . -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?([kMGTP]|[KMGTP]i)?$" $text -}}
{{- $unit := regexFind "[A-Za-z]*$" $text -}}
{{- printf "%.0f" (mulf (trimSuffix $unit $text | float64) (get $units $unit)) -}}
{{- end -}}
{{- end }}

{{- /* Thousandths of a CPU; empty where it is no such amount. */ -}}
{{- define "ot.milli" -}}
{{- $text := include "ot.plain" . -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)?m?$" $text -}}
{{- printf "%.0f" (mulf (trimSuffix "m" $text | float64) (hasSuffix "m" $text | ternary 1 1000)) -}}
{{- end -}}
{{- end }}

{{- /* A volume's or memory's: anything below 1Mi was meant otherwise. */ -}}
{{- define "ot.problems.size" -}}
{{- if lt (include "ot.bytes" .of | default "0" | float64) 1048576.0 }}
{{ .at }}={{ include "ot.plain" .of }} must be a number with Mi, Gi or Ti, such as {{ .such }}
{{- end -}}
{{- end }}

{{- /* Takes at, and request and limit: each a map of one, or of none. */ -}}
{{- define "ot.problems.cpu" -}}
{{- range $key, $value := merge (dict) .request .limit -}}
{{- if not (include "ot.milli" $value) }}
{{ $.at }}.{{ $key }}={{ include "ot.plain" $value }} must be a number of CPUs or thousandths of one, such as 2 or 500m
{{- end -}}
{{- end -}}
{{- range $asked, $least := .request -}}
{{- range $allowed, $most := $.limit -}}
{{- if gt (include "ot.milli" $least | float64) (include "ot.milli" $most | default "1e18" | float64) }}
{{ $.at }}.{{ $asked }}={{ include "ot.plain" $least }} must be at most {{ $.at }}.{{ $allowed }}, which is {{ include "ot.plain" $most }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* Of requests and limits. */ -}}
{{- define "ot.problems.resources" -}}
{{- $cpu := dict "requests" dict "limits" dict -}}
{{- range $side := list "requests" "limits" -}}
{{- range $name, $value := get $.of $side -}}
{{- if eq $name "cpu" -}}
{{- $_ := set (get $cpu $side) (printf "%s.cpu" $side) $value -}}
{{- else -}}
{{- include "ot.problems.size" (dict "at" (printf "%s.%s.%s" $.at $side $name) "of" $value "such" "512Mi") -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "ot.problems.cpu" (dict "at" .at "request" $cpu.requests "limit" $cpu.limits) -}}
{{- range $name, $most := omit .of.limits "cpu" -}}
{{- with get $.of.requests $name -}}
{{- if gt (include "ot.bytes" . | float64) (include "ot.bytes" $most | default "1e30" | float64) }}
{{ $.at }}.requests.{{ $name }}={{ include "ot.plain" . }} must be at most {{ $.at }}.limits.{{ $name }}, which is {{ include "ot.plain" $most }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
