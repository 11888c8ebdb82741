package redactionprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/metric"
)

// deepest is how many maps and lists may lie in each other. Elasticsearch refuses a document deeper than 20, two or three
// of which are ours, and some thousands deep it never answers; protobuf's own parsers refuse a request deeper than 100
// messages, of which a map takes three. Either would hold up, or lose, all that came in the same request.
const deepest = 16

// tooDeep stands in the place of what is deeper.
const tooDeep = "[nested too deep]"

// cutAt replaces a map or list that already so many lie around, and says whether it did.
func (m *masker) cutAt(value pcommon.Value, depth int) bool {
	kind := value.Type()
	if depth < deepest || kind != pcommon.ValueTypeMap && kind != pcommon.ValueTypeSlice {
		return false
	}
	value.SetStr(tooDeep)
	m.cut.Add(context.Background(), 1)
	return true
}

func countCuts(meters metric.MeterProvider) (metric.Int64Counter, error) {
	counter, err := meters.Meter("orchestrator-telemetry/otel-collector/redactionprocessor").Int64Counter(
		"otelcol_redaction_nested_too_deep",
		metric.WithDescription("Maps and lists that were replaced by a text because too many others lay around them."),
	)
	if err != nil {
		return nil, err
	}
	counter.Add(context.Background(), 0) // a series that is there before the first
	return counter, nil
}
