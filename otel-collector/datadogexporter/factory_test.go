package datadogexporter

import (
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/datadog/config"
	"go.opentelemetry.io/collector/confmap"
)

func TestSpansWaitOneSecondWhateverIsConfigured(t *testing.T) {
	made, known := NewFactory().CreateDefaultConfig().(*config.Config)
	if !known {
		t.Fatal("the exporter's configuration has another type now")
	}
	given := confmap.NewFromStringMap(map[string]any{"traces": map[string]any{"trace_buffer": 7}})
	if err := made.Unmarshal(given); err != nil {
		t.Fatal(err)
	}
	if made.Traces.TraceBuffer != 7 || made.Traces.GetFlushInterval() != flushSeconds {
		t.Fatalf("buffer %d, flush interval %v", made.Traces.TraceBuffer, made.Traces.GetFlushInterval())
	}
}
