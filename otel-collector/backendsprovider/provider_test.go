package backendsprovider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"

	"orchestrator-telemetry/otel-collector/config"
)

func environment(pairs map[string]string) Lookup {
	return func(name string) (string, bool) {
		value, found := pairs[name]
		return value, found
	}
}

// complete has everything that any backend needs.
var complete = map[string]string{
	"DD_API_KEY": "0123", "ELASTICSEARCH_URL": "http://es:9200", "KAFKA_BROKERS": "a:9092,b:9092",
	"LOKI_URL": "http://loki:3100", "OTLP_BACKEND_URL": "http://jaeger:4318", "OTLP_GRPC_BACKEND_URL": "https://h:4317",
	"PROMETHEUS_OTLP_URL": "http://p:9090/api/v1/otlp", "PROMETHEUS_REMOTE_WRITE_URL": "http://p:9090/api/v1/write",
}

func with(pairs ...string) map[string]string {
	result := map[string]string{}
	for name, value := range complete {
		result[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		result[pairs[i]] = pairs[i+1]
	}
	return result
}

func pipelines(t *testing.T, conf *confmap.Conf) []string {
	t.Helper()
	section, ok := conf.Get("service::pipelines").(map[string]any)
	if !ok {
		t.Fatalf("no pipelines in %v", conf.ToStringMap())
	}
	var names []string
	for name := range section {
		if !strings.HasSuffix(name, "/in") && !strings.HasSuffix(name, "/none") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestLoad(t *testing.T) {
	cases := map[string]struct {
		spec string
		env  map[string]string
		want string
	}{
		"one":               {"prometheus", nil, "metrics/prometheus"},
		"spaces and twice":  {" loki , loki,", with(), "logs/loki"},
		"two":               {"prometheus,loki", with(), "logs/loki metrics/prometheus"},
		"default":           {"", nil, "logs/file metrics/file metrics/prometheus traces/file"},
		"variable":          {"", with("BACKENDS", "elasticsearch"), "logs/elasticsearch traces/elasticsearch"},
		"variable is empty": {"", with("BACKENDS", " "), "logs/file metrics/file metrics/prometheus traces/file"},
		"spec before it":    {"debug", with("BACKENDS", "nonsense"), "logs/debug metrics/debug traces/debug"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			conf, err := Load(c.spec, environment(c.env))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(pipelines(t, conf), " "); got != c.want {
				t.Errorf("pipelines %q, want %q", got, c.want)
			}
		})
	}
}

func TestEveryBackendStandsAlone(t *testing.T) {
	base, err := Load("debug", environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range known(sources(environment(nil))) {
		conf, err := Load(name, environment(with()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, pipeline := range pipelines(t, conf) {
			if !strings.HasSuffix(pipeline, "/"+name) {
				t.Errorf("%s has the pipeline %s, which another backend could have too", name, pipeline)
			}
		}
		// Lists replace each other when configurations merge: only base.yaml may have these.
		for _, key := range []string{"service::extensions", "service::telemetry", "receivers", "extensions", "connectors"} {
			text, err := config.FS.ReadFile("backends/" + name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			retrieved, _ := confmap.NewRetrievedFromYAML(text)
			own, _ := retrieved.AsConf()
			if own.IsSet(key) || !base.IsSet(key) {
				t.Errorf("%s sets %s", name, key)
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	list := "datadog, debug, elasticsearch, file, kafka, loki, otlp, otlp-grpc, prometheus, prometheus-otlp, prometheus-remote-write"
	notURL := " is not an absolute http:// or https:// URL with a host, such as https://example.com:1234"
	cases := map[string]struct {
		spec string
		env  map[string]string
		want string
	}{
		"unknown":         {"promethius,loki", with(), `unknown backend "promethius"; known: ` + list},
		"only commas":     {",,", with(), `no backend in ",,"; known: ` + list},
		"a path":          {"../base", with(), `unknown backend "../base"; known: ` + list},
		"missing":         {"datadog", nil, "backend datadog needs DD_API_KEY"},
		"empty":           {"loki", with("LOKI_URL", ""), "backend loki needs LOKI_URL"},
		"two missing":     {"loki,datadog", nil, "backend loki needs LOKI_URL; backend datadog needs DD_API_KEY"},
		"no scheme":       {"loki", with("LOKI_URL", "loki:3100"), `backend loki: LOKI_URL="loki:3100"` + notURL},
		"no host":         {"loki", with("LOKI_URL", "http:///x"), `backend loki: LOKI_URL="http:///x"` + notURL},
		"other scheme":    {"otlp", with("OTLP_BACKEND_URL", "grpc://h:1"), `backend otlp: OTLP_BACKEND_URL="grpc://h:1"` + notURL},
		"bad port":        {"loki", with("LOKI_URL", "http://h:99999"), `backend loki: LOKI_URL="http://h:99999"` + notURL},
		"no port":         {"loki", with("LOKI_URL", "http://h:"), `backend loki: LOKI_URL="http://h:"` + notURL},
		"newline":         {"loki", with("LOKI_URL", "http://h\n"), `backend loki: LOKI_URL="http://h\n"` + notURL},
		"slash":           {"loki", with("LOKI_URL", "http://h:1/"), `backend loki: LOKI_URL="http://h:1/" must not end in a slash`},
		"with a default":  {"datadog", with("DD_LOGS_URL", "x"), `backend datadog: DD_LOGS_URL="x"` + notURL},
		"hidden password": {"loki", with("LOKI_URL", "ftp://u:p@ss/w@h"), `backend loki: LOKI_URL="ftp://***@h"` + notURL},
		"hidden, bare":    {"loki", with("LOKI_URL", "u:pass@h"), `backend loki: LOKI_URL="***@h"` + notURL},
		"hidden query":    {"loki", with("LOKI_URL", "h?key=1"), `backend loki: LOKI_URL="h?***"` + notURL},
		"broker":          {"kafka", with("KAFKA_BROKERS", "a:9092,b"), `backend kafka: KAFKA_BROKERS="a:9092,b" is not host:port, or several of them with commas between`},
		"port of ours":    {"debug", with("ORCHESTRATOR_COLLECTOR_HTTP_PORT", "http"), `the collector: ORCHESTRATOR_COLLECTOR_HTTP_PORT="http" is not a port from 0 to 65535`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Load(c.spec, environment(c.env))
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Error() != c.want {
				t.Errorf("\n got %s\nwant %s", err, c.want)
			}
		})
	}
}

func TestLoadRefusesWhatAVariableMayNotBe(t *testing.T) {
	whole := func(least, most string) string { return "is not a whole number from " + least + " to " + most }
	const yamlHeaders = "is not YAML of names and texts, such as {X-Scope-OrgID: team-a}"
	cases := map[string]struct{ backend, name, value, want string }{
		"words for a number": {"debug", "ORCHESTRATOR_COLLECTOR_MEMORY_MIB", "512MiB", whole("16", "1048576")},
		"too small":          {"debug", "ORCHESTRATOR_COLLECTOR_MEMORY_MIB", "8", whole("16", "1048576")},
		"octal":              {"loki", "ORCHESTRATOR_COLLECTOR_QUEUE_BYTES", "0777", whole("1", "1125899906842624")},
		"yes":                {"loki", "ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC", "yes", "is not true or false"},
		"other storage":      {"loki", "ORCHESTRATOR_COLLECTOR_QUEUE_STORAGE", "memory", "is not one of file_storage, null"},
		"no time to stop":    {"debug", "ORCHESTRATOR_COLLECTOR_STOP_SECONDS", "-1", "is not a number of seconds above 0, up to 3600"},
		"no time to answer":  {"loki", answerVariable, "0", whole("1", "3600")},
		"level":              {"debug", "ORCHESTRATOR_COLLECTOR_LOG_LEVEL", "loud", "is not one of debug, info, warn, error, dpanic, panic, fatal"},
		"format":             {"debug", "ORCHESTRATOR_COLLECTOR_LOG_FORMAT", "xml", "is not one of console, json"},
		"no unit":            {"prometheus", "ORCHESTRATOR_COLLECTOR_METRIC_EXPIRATION", "90", "is not a duration such as 90s, 5m or 1h30m"},
		"no port for gRPC":   {"otlp-grpc", "OTLP_GRPC_BACKEND_URL", "http://h", "has no port: gRPC needs one, such as http://example.com:4317"},
		"a signal elsewhere": {"otlp", "OTLP_BACKEND_LOGS", "none", "is not one of otlp_http/backend, nop"},
		"topic":              {"kafka", "KAFKA_LOGS_TOPIC", "logs of mine", "is not a topic of Kafka: 1 to 249 of the characters a-z A-Z 0-9 . _ -"},
		"headers of a shell": {"loki", "LOKI_HEADERS", "X-Scope-OrgID=hunter2", yamlHeaders},
		"headers in headers": {"loki", "LOKI_HEADERS", "{a: {b: hunter2}}", yamlHeaders},
		"headers no YAML":    {"loki", "LOKI_HEADERS", "{hunter2", yamlHeaders},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Load(c.backend, environment(with(c.name, c.value)))
			shown := c.value
			if strings.HasSuffix(c.name, headersEnding) {
				shown = "***"
			}
			want := fmt.Sprintf("%s=%q %s", c.name, shown, c.want)
			if err == nil || !strings.HasSuffix(err.Error(), ": "+want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("\n got %v\nwant … %s", err, want)
			}
		})
	}
	for name, value := range map[string]string{
		"LOKI_HEADERS": "{X-Scope-OrgID: team-a, n: 1}", "ORCHESTRATOR_COLLECTOR_LOG_LEVEL": "WARN",
		"ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC": "False", answerVariable: "5", "ORCHESTRATOR_COLLECTOR_STOP_SECONDS": "0.5",
	} {
		if _, err := Load("loki", environment(with(name, value))); err != nil {
			t.Error(err)
		}
	}
}

// Who sends over HTTP waits for what somebody will put right, a backend of one's own as well; what needs none has none.
func TestExportersOverHTTPArePatient(t *testing.T) {
	for backend, want := range map[string]string{
		"loki": "patience/otlp_http/loki", "elasticsearch": "patience/elasticsearch", "prometheus": "", "kafka": "", "otlp-grpc": "",
		"prometheus-remote-write": "patience/prometheus_remote_write",
	} {
		conf, err := Load(backend, environment(with(answerVariable, "7")))
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		running, _ := conf.Get(extensionsKey).([]any)
		for _, one := range running {
			if id, _ := one.(string); strings.HasPrefix(id, "patience/") {
				found = append(found, id)
			}
		}
		if got := strings.Join(found, " "); got != want {
			t.Errorf("%s: %q, want %q", backend, got, want)
		}
	}
}

func TestAcceptsURLs(t *testing.T) {
	for _, value := range []string{"http://h", "https://h/", "http://[::1]:9200", "https://u:p@h:1/path?x=1"} {
		if _, err := Load("elasticsearch", environment(map[string]string{"ELASTICSEARCH_URL": value})); err != nil {
			t.Error(err)
		}
	}
}

func TestOwnFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tempo.yaml", "exporters: {otlp_http/tempo: {endpoint: '${env:TEMPO_URL}'}}")
	write("debug.yaml", "exporters: {debug: {verbosity: basic}}")
	write("broken.yaml", "a: [")
	env := with("ORCHESTRATOR_COLLECTOR_BACKENDS_DIR", dir)
	if _, err := Load("tempo", environment(env)); err == nil || err.Error() != "backend tempo needs TEMPO_URL" {
		t.Error(err)
	}
	conf, err := Load("debug,loki", environment(env))
	if err != nil {
		t.Fatal(err)
	}
	if got := conf.Get("exporters::debug::verbosity"); got != "basic" {
		t.Errorf("the own file doesn't win: %v", got)
	}
	if _, err = Load("broken", environment(env)); err == nil || !strings.HasPrefix(err.Error(), "backend broken: broken.yaml: ") ||
		strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestPreflight(t *testing.T) {
	env := environment(nil)
	for _, args := range [][]string{
		{}, {"--version"}, {"--config=file:x.yaml"}, {"--config=backends:prometheus"}, {"validate", "--config", "backends:"}, {"--config"},
	} {
		if err := Preflight(args, env); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, args := range [][]string{
		{"--config=backends:loki"}, {"validate", "--config", "backends:loki"}, {"-config=backends:loki"},
		{"--config=backends:debug", "--config=backends:loki"},
	} {
		if err := Preflight(args, env); err == nil || err.Error() != "backend loki needs LOKI_URL" {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// What the provider returns goes through the collector's own resolver: `${env:…}` in it is expanded there.
func TestRetrieve(t *testing.T) {
	factory := NewFactory()
	p := factory.Create(confmap.ProviderSettings{})
	if p.Scheme() != "backends" {
		t.Error(p.Scheme())
	}
	retrieved, err := p.Retrieve(context.Background(), "backends:prometheus", nil)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		t.Fatal(err)
	}
	if !conf.IsSet("exporters::prometheus::endpoint") {
		t.Error("no exporter")
	}
	for _, uri := range []string{"backends:nonsense", "file:x"} {
		if _, err := p.Retrieve(context.Background(), uri, nil); err == nil {
			t.Errorf("%s accepted", uri)
		}
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}
