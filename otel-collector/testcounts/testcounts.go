// Package testcounts reads counters in tests.
package testcounts

import (
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// ByStatus is what a counter of requests has counted, by the status of their answers.
func ByStatus(t *testing.T, telemetry *componenttest.Telemetry, name string) map[int64]int64 {
	t.Helper()
	found, err := telemetry.GetMetric(name)
	if err != nil {
		t.Fatal(err)
	}
	counted := map[int64]int64{}
	for _, point := range found.Data.(metricdata.Sum[int64]).DataPoints {
		status, _ := point.Attributes.Value("http.response.status_code")
		counted[status.AsInt64()] = point.Value
	}
	return counted
}
