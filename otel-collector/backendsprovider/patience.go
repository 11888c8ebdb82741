package backendsprovider

import (
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"

	"orchestrator-telemetry/otel-collector/patienceextension"
)

const answerVariable = "ORCHESTRATOR_COLLECTOR_ANSWER_SECONDS"

// overHTTP are the types of exporters that take a middleware, under their old names too.
var overHTTP = []string{"otlp_http", "otlphttp", "elasticsearch", "prometheus_remote_write", "prometheusremotewrite"}

// bePatient gives every exporter over HTTP, one of a user's own file too, a `patience` of its own, which is named after it.
// The stock distribution has none, so no file says it.
func bePatient(conf *confmap.Conf) error {
	exporters, _ := conf.Get("exporters").(map[string]any)
	running, _ := conf.Get(extensionsKey).([]any)
	running = slices.Clone(running)
	patient, extensions := map[string]any{}, map[string]any{}
	for _, name := range sortedKeys(exporters) {
		kind, _, _ := strings.Cut(name, "/")
		settings, isMap := exporters[name].(map[string]any)
		if !isMap || !slices.Contains(overHTTP, kind) {
			continue
		}
		id := patienceextension.Type + "/" + name
		own, _ := settings["middlewares"].([]any)
		patient[name] = map[string]any{"middlewares": append(slices.Clone(own), map[string]any{"id": id})}
		extensions[id] = map[string]any{"silence": "${env:" + answerVariable + ":-60}s"}
		running = append(running, id)
	}
	if len(patient) == 0 {
		return nil
	}
	return conf.Merge(confmap.NewFromStringMap(map[string]any{
		"exporters": patient, "extensions": extensions, extensionsKey: running,
	}))
}

func sortedKeys(items map[string]any) []string {
	names := make([]string, 0, len(items))
	for name := range items {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
