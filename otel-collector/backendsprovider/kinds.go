package backendsprovider

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/confmap"
)

// kind says what is wrong with a value, and what is allowed, or "".
type kind func(value string) string

const million = 1 << 20

// kinds are the variables whose names' endings don't say what they may be: a row for each, for check.go to look up.
var kinds = map[string]kind{
	"ORCHESTRATOR_COLLECTOR_MEMORY_MIB":       whole(16, million),
	"ORCHESTRATOR_COLLECTOR_MEMORY_SPIKE_MIB": whole(1, million),
	"ORCHESTRATOR_COLLECTOR_BODIES_MIB":       whole(16, million), // a request may have 16
	"ORCHESTRATOR_COLLECTOR_MAX_CONNECTIONS":  whole(1, million),
	"ORCHESTRATOR_COLLECTOR_QUEUE_BYTES":      whole(1, 1<<50),
	"ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC":      yesOrNo,
	"ORCHESTRATOR_COLLECTOR_QUEUE_STORAGE":    exactly("file_storage", "null"),
	"ORCHESTRATOR_COLLECTOR_STOP_SECONDS":     seconds,
	answerVariable:                            whole(1, 3600),

	"ORCHESTRATOR_COLLECTOR_TELEMETRY_LEVEL": oneOf("none", "basic", "normal", "detailed"),
	"ORCHESTRATOR_COLLECTOR_LOG_LEVEL":       oneOf("debug", "info", "warn", "error", "dpanic", "panic", "fatal"),
	"ORCHESTRATOR_COLLECTOR_LOG_FORMAT":      exactly("console", "json"),
	"ORCHESTRATOR_COLLECTOR_TLS_RELOAD":      duration,

	"ORCHESTRATOR_COLLECTOR_METRIC_EXPIRATION": duration,
	"ORCHESTRATOR_COLLECTOR_DEBUG_VERBOSITY":   oneOf("basic", "normal", "detailed"),
	"ORCHESTRATOR_COLLECTOR_FILE_MB":           whole(1, million),
	"ORCHESTRATOR_COLLECTOR_FILE_DAYS":         whole(0, million),
	"ORCHESTRATOR_COLLECTOR_FILE_BACKUPS":      whole(0, million),

	"PROMETHEUS_REMOTE_WRITE_QUEUE_REQUESTS": whole(1, million),
	"DD_HOST_METADATA":                       yesOrNo,
	"DD_LOGS_EXPORTER":                       exactly("otlp_http/datadog", "datadog"),
	"OTLP_GRPC_BACKEND_URL":                  withPort,
	"OTLP_BACKEND_METRICS":                   exactly("otlp_http/backend", "nop"),
	"OTLP_BACKEND_LOGS":                      exactly("otlp_http/backend", "nop"),
	"OTLP_BACKEND_TRACES":                    exactly("otlp_http/backend", "nop"),
	"OTLP_GRPC_BACKEND_METRICS":              exactly("otlp_grpc/backend", "nop"),
	"OTLP_GRPC_BACKEND_LOGS":                 exactly("otlp_grpc/backend", "nop"),
	"OTLP_GRPC_BACKEND_TRACES":               exactly("otlp_grpc/backend", "nop"),
	"KAFKA_METRICS_TOPIC":                    topic,
	"KAFKA_LOGS_TOPIC":                       topic,
	"KAFKA_TRACES_TOPIC":                     topic,
}

// elsewhere are those that stand in no file of the configuration: confignet, entry.go and patience.go read them.
var elsewhere = []string{"ORCHESTRATOR_COLLECTOR_MAX_CONNECTIONS", "ORCHESTRATOR_COLLECTOR_STOP_SECONDS", answerVariable}

// checkElsewhere returns what is wrong with those.
func checkElsewhere(lookup Lookup) (problems []string) {
	for _, name := range elsewhere {
		if value, _ := lookup(name); value != "" {
			if wrong := kinds[name](value); wrong != "" {
				problems = append(problems, fmt.Sprintf("the collector: %s=%q %s", name, value, wrong))
			}
		}
	}
	return problems
}

var (
	digits    = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`) // 010 is eight in YAML
	topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
)

func whole(least, most int64) kind {
	return func(value string) string {
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil || !digits.MatchString(value) || number < least || number > most {
			return fmt.Sprintf("is not a whole number from %d to %d", least, most)
		}
		return ""
	}
}

func exactly(allowed ...string) kind {
	return func(value string) string {
		if !slices.Contains(allowed, value) {
			return "is not one of " + strings.Join(allowed, ", ")
		}
		return ""
	}
}

// oneOf doesn't mind capitals.
func oneOf(allowed ...string) kind {
	same := exactly(allowed...)
	return func(value string) string { return same(strings.ToLower(value)) }
}

// yesOrNo: as YAML writes it.
func yesOrNo(value string) string {
	if !slices.Contains([]string{"true", "True", "TRUE", "false", "False", "FALSE"}, value) {
		return "is not true or false"
	}
	return ""
}

func duration(value string) string {
	if every, err := time.ParseDuration(value); err != nil || every <= 0 {
		return "is not a duration such as 90s, 5m or 1h30m"
	}
	return ""
}

func seconds(value string) string {
	if number, err := strconv.ParseFloat(value, 64); err != nil || !(0 < number && number <= 3600) {
		return "is not a number of seconds above 0, up to 3600"
	}
	return ""
}

func topic(value string) string {
	if !topicName.MatchString(value) || value == "." || value == ".." {
		return "is not a topic of Kafka: 1 to 249 of the characters a-z A-Z 0-9 . _ -"
	}
	return ""
}

func absoluteURL(value string) string {
	if !isURL(value) {
		return "is not an absolute http:// or https:// URL with a host, such as https://example.com:1234"
	}
	return ""
}

// withPort: gRPC knows no port of a scheme.
func withPort(value string) string {
	if wrong := absoluteURL(value); wrong != "" {
		return wrong
	}
	if parsed, err := url.Parse(value); err != nil || parsed.Port() == "" {
		return "has no port: gRPC needs one, such as http://example.com:4317"
	}
	return ""
}

// headers are read as the collector will read them.
func headers(value string) string {
	const wrong = "is not YAML of names and texts, such as {X-Scope-OrgID: team-a}"
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(value))
	if err != nil {
		return wrong
	}
	raw, err := retrieved.AsRaw()
	if err != nil {
		return wrong
	}
	switch raw := raw.(type) {
	case nil:
		return ""
	case map[string]any:
		for _, item := range raw {
			switch item.(type) {
			case map[string]any, []any, nil:
				return wrong
			}
		}
		return ""
	case []any: // [{name: …, value: …}], as in a configuration
		for _, item := range raw {
			if pair, ok := item.(map[string]any); !ok || len(pair) != 2 || pair["name"] == nil || pair["value"] == nil {
				return wrong
			}
		}
		return ""
	}
	return wrong
}
