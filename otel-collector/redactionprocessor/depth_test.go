package redactionprocessor

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const poison = 3000

// nest makes a value of so many maps, or maps and lists in turn, one in the other, with a text in the innermost.
func nest(value pcommon.Value, levels int, lists bool) {
	for level := range levels {
		if lists && level%2 == 1 {
			value = value.SetEmptySlice().AppendEmpty()
		} else {
			value = value.SetEmptyMap().PutEmpty("k")
		}
	}
	value.SetStr("kept")
}

func nested(attributes pcommon.Map) { nest(attributes.PutEmpty("deep"), poison, false) }

// depthOf gives how many maps and lists lie in each other, and the text in the innermost.
func depthOf(value pcommon.Value) (levels int, text string) {
	for {
		switch value.Type() {
		case pcommon.ValueTypeMap:
			for _, item := range value.Map().All() {
				value = item
			}
		case pcommon.ValueTypeSlice:
			value = value.Slice().At(0)
		default:
			return levels, value.AsString()
		}
		levels++
	}
}

func TestWhatIsNestedTooDeepIsReplacedWhereItBegins(t *testing.T) {
	for _, lists := range []bool{false, true} {
		for levels, want := range map[int]string{1: "kept", deepest: "kept", deepest + 1: tooDeep, poison: tooDeep} {
			value := pcommon.NewValueEmpty()
			nest(value, levels, lists)
			masking(t).value(value, 0)
			if got, text := depthOf(value); got != min(levels, deepest) || text != want {
				t.Errorf("%d levels became %d around %q", levels, got, text)
			}
		}
	}
}

func TestWhatWasReplacedIsCounted(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	set := processortest.NewNopSettings(NewFactory().Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	made, err := createLogs(context.Background(), set, configured(t), consumertest.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	counted := func() int64 {
		found, err := telemetry.GetMetric("otelcol_redaction_nested_too_deep")
		if err != nil {
			t.Fatal(err)
		}
		return found.Data.(metricdata.Sum[int64]).DataPoints[0].Value
	}
	if counted() != 0 {
		t.Error("counted before anything came")
	}
	data := plog.NewLogs()
	record := data.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	nested(record.Attributes())
	nest(record.Body(), poison, true)
	nest(record.Attributes().PutEmpty("shallow"), deepest, false)
	if err := made.ConsumeLogs(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	if counted() != 2 {
		t.Errorf("%d", counted())
	}
}

func gone(t *testing.T, text []byte, err error, places int) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), tooDeep) != places || strings.Contains(string(text), "kept") {
		t.Errorf("%d of %d places", strings.Count(string(text), tooDeep), places)
	}
}

func TestDepthIsBoundedEverywhereInLogs(t *testing.T) {
	data := plog.NewLogs()
	resource := data.ResourceLogs().AppendEmpty()
	nested(resource.Resource().Attributes())
	scope := resource.ScopeLogs().AppendEmpty()
	nested(scope.Scope().Attributes())
	record := scope.LogRecords().AppendEmpty()
	nested(record.Attributes())
	nest(record.Body(), poison, false)
	_, err := masking(t).logs(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(data)
	gone(t, text, err, 4)
}

func TestDepthIsBoundedEverywhereInTraces(t *testing.T) {
	data := ptrace.NewTraces()
	resource := data.ResourceSpans().AppendEmpty()
	nested(resource.Resource().Attributes())
	scope := resource.ScopeSpans().AppendEmpty()
	nested(scope.Scope().Attributes())
	span := scope.Spans().AppendEmpty()
	nested(span.Attributes())
	nested(span.Events().AppendEmpty().Attributes())
	nested(span.Links().AppendEmpty().Attributes())
	_, err := masking(t).traces(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(data)
	gone(t, text, err, 5)
}

func TestDepthIsBoundedEverywhereInMetrics(t *testing.T) {
	data := pmetric.NewMetrics()
	resource := data.ResourceMetrics().AppendEmpty()
	nested(resource.Resource().Attributes())
	scope := resource.ScopeMetrics().AppendEmpty()
	nested(scope.Scope().Attributes())
	metric := scope.Metrics().AppendEmpty()
	nested(metric.Metadata())
	point := metric.SetEmptyHistogram().DataPoints().AppendEmpty()
	nested(point.Attributes())
	nested(point.Exemplars().AppendEmpty().FilteredAttributes())
	nested(scope.Metrics().AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty().Attributes())
	_, err := masking(t).metrics(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(data)
	gone(t, text, err, 6)
}
