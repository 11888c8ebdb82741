package forwardconnector

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pipeline"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

var errFull = errors.New("sending queue is full")

// backends builds the connector in front of the named pipelines, and what counts for it.
func backends(t *testing.T, named map[string]consumer.Logs) (connector.Logs, *componenttest.Telemetry) {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	factory := NewFactory()
	settings := connectortest.NewNopSettings(factory.Type())
	settings.TelemetrySettings = telemetry.NewTelemetrySettings()
	pipelines := map[pipeline.ID]consumer.Logs{}
	for name, to := range named {
		pipelines[pipeline.NewIDWithName(pipeline.SignalLogs, name)] = to
	}
	made, err := factory.CreateLogsToLogs(context.Background(), settings, factory.CreateDefaultConfig(), connector.NewLogsRouter(pipelines))
	if err != nil {
		t.Fatal(err)
	}
	return made, telemetry
}

func records(bodies ...string) plog.Logs {
	made := plog.NewLogs()
	scope := made.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for _, body := range bodies {
		scope.LogRecords().AppendEmpty().Body().SetStr(body)
	}
	return made
}

func refused(t *testing.T, telemetry *componenttest.Telemetry) map[string]int64 {
	t.Helper()
	found, err := telemetry.GetMetric("otelcol_connector_refused_log_records")
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, point := range found.Data.(metricdata.Sum[int64]).DataPoints {
		backend, _ := point.Attributes.Value("backend")
		counted[backend.AsString()] = point.Value
	}
	return counted
}

func TestARefusalOfOneBackendReachesNeitherTheClientNorTheOthers(t *testing.T) {
	loki, elasticsearch := new(consumertest.LogsSink), new(consumertest.LogsSink)
	forward, telemetry := backends(t, map[string]consumer.Logs{
		"loki": loki, "elasticsearch": elasticsearch, "datadog": consumertest.NewErr(errFull),
	})
	for range 3 {
		if err := forward.ConsumeLogs(context.Background(), records("a", "b")); err != nil {
			t.Fatalf("the client was told %v", err)
		}
	}
	if loki.LogRecordCount() != 6 || elasticsearch.LogRecordCount() != 6 {
		t.Fatalf("loki has %d, elasticsearch %d", loki.LogRecordCount(), elasticsearch.LogRecordCount())
	}
	if counted := refused(t, telemetry); counted["datadog"] != 6 || counted["loki"] != 0 || len(counted) != 3 {
		t.Fatalf("counted %v", counted)
	}
}

func TestTheClientIsRefusedWhenNobodyTook(t *testing.T) {
	permanent := consumererror.NewPermanent(errors.New("never"))
	for name, named := range map[string]map[string]consumer.Logs{
		"one":                {"loki": consumertest.NewErr(errFull)},
		"two":                {"loki": consumertest.NewErr(errFull), "elasticsearch": consumertest.NewErr(permanent)},
		"two, the other way": {"loki": consumertest.NewErr(permanent), "elasticsearch": consumertest.NewErr(errFull)},
		"one beside nobody":  {"loki": consumertest.NewErr(errFull), nobody: consumertest.NewNop()},
		"two beside nobody":  {"a": consumertest.NewErr(errFull), "b": consumertest.NewErr(errFull), nobody: consumertest.NewNop()},
	} {
		forward, telemetry := backends(t, named)
		err := forward.ConsumeLogs(context.Background(), records("a"))
		if !errors.Is(err, errFull) || consumererror.IsPermanent(err) {
			t.Errorf("%s: told %v; what can be repeated must stay so", name, err)
		}
		if counted := refused(t, telemetry)["loki"] + refused(t, telemetry)["a"]; counted != 1 {
			t.Errorf("%s: counted %d", name, counted)
		}
	}
}

func TestWhereNoBackendIsChosenEverythingIsTaken(t *testing.T) {
	forward, _ := backends(t, map[string]consumer.Logs{nobody: consumertest.NewNop()})
	if err := forward.ConsumeLogs(context.Background(), records("a")); err != nil {
		t.Fatal(err)
	}
}

// changing is a pipeline whose processors write into what they get.
type changing struct{ consumertest.LogsSink }

func (*changing) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (c *changing) ConsumeLogs(ctx context.Context, data plog.Logs) error {
	data.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr("changed")
	return c.LogsSink.ConsumeLogs(ctx, data)
}

func TestAPipelineThatChangesItsDataChangesItsOwn(t *testing.T) {
	kept, first, second := new(consumertest.LogsSink), new(changing), new(changing)
	forward, _ := backends(t, map[string]consumer.Logs{"kept": kept, "first": first, "second": second})
	if err := forward.ConsumeLogs(context.Background(), records("as it came")); err != nil {
		t.Fatal(err)
	}
	for want, sink := range map[string]*consumertest.LogsSink{"as it came": kept, "changed": &first.LogsSink} {
		got := sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str()
		if got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
}

func TestMetricsAndSpansAreKeptApartToo(t *testing.T) {
	factory := NewFactory()
	settings := connectortest.NewNopSettings(factory.Type())
	points, spans := new(consumertest.MetricsSink), new(consumertest.TracesSink)
	refusing := consumertest.NewErr(errFull)

	forMetrics, err := factory.CreateMetricsToMetrics(context.Background(), settings, nil, connector.NewMetricsRouter(
		map[pipeline.ID]consumer.Metrics{
			pipeline.NewIDWithName(pipeline.SignalMetrics, "prometheus"): points,
			pipeline.NewIDWithName(pipeline.SignalMetrics, "datadog"):    refusing,
		}))
	if err != nil {
		t.Fatal(err)
	}
	given := pmetric.NewMetrics()
	given.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	if err := forMetrics.ConsumeMetrics(context.Background(), given); err != nil || points.DataPointCount() != 1 {
		t.Errorf("metrics: %v, %d points", err, points.DataPointCount())
	}

	forTraces, err := factory.CreateTracesToTraces(context.Background(), settings, nil, connector.NewTracesRouter(
		map[pipeline.ID]consumer.Traces{
			pipeline.NewIDWithName(pipeline.SignalTraces, "elasticsearch"): spans,
			pipeline.NewIDWithName(pipeline.SignalTraces, "datadog"):       refusing,
		}))
	if err != nil {
		t.Fatal(err)
	}
	made := ptrace.NewTraces()
	made.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("check")
	if err := forTraces.ConsumeTraces(context.Background(), made); err != nil || spans.SpanCount() != 1 {
		t.Errorf("traces: %v, %d spans", err, spans.SpanCount())
	}
}

func TestItIsNoUseWhereThePipelinesCannotBeTold(t *testing.T) {
	factory := NewFactory()
	_, err := factory.CreateLogsToLogs(context.Background(), connectortest.NewNopSettings(factory.Type()), nil, consumertest.NewNop())
	if err == nil {
		t.Fatal("a consumer that is no router was taken")
	}
}
