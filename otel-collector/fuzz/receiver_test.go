// Package fuzz throws bodies at what everybody can reach: the OTLP receiver as the bundled configuration sets it up, with
// its guard, and behind it the redaction, which looks into every text, and the encoding that exporters do.
package fuzz

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"

	"orchestrator-telemetry/otel-collector/backendsprovider"
	"orchestrator-telemetry/otel-collector/otlpguardextension"
	"orchestrator-telemetry/otel-collector/redactionprocessor"
)

// target is a receiver that runs: one for each process, since the fuzzer's workers are processes.
type target struct{ http, grpc string }

var running = sync.OnceValues(start)

// receiving returns the addresses, and ends the test where there are none.
func receiving(t testing.TB) target {
	t.Helper()
	found, err := running()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func start() (target, error) {
	ports, err := freePorts(2)
	if err != nil {
		return target{}, err
	}
	_ = os.Setenv("ORCHESTRATOR_COLLECTOR_HTTP_PORT", ports[0])
	_ = os.Setenv("ORCHESTRATOR_COLLECTOR_GRPC_PORT", ports[1])
	conf, err := resolved()
	if err != nil {
		return target{}, err
	}
	host, err := guarded(conf)
	if err != nil {
		return target{}, err
	}
	if err := receive(conf, host); err != nil {
		return target{}, err
	}
	return target{http: "http://127.0.0.1:" + ports[0], grpc: "127.0.0.1:" + ports[1]}, nil
}

func freePorts(count int) ([]string, error) {
	var ports []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // after all are found, so that they differ
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}

// resolved is the bundled configuration, its variables expanded.
func resolved() (*confmap.Conf, error) {
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:              []string{"backends:debug"},
		ProviderFactories: []confmap.ProviderFactory{envprovider.NewFactory(), backendsprovider.NewFactory()},
	})
	if err != nil {
		return nil, err
	}
	return resolver.Resolve(context.Background())
}

// part fills a component's configuration from the section that is its own.
func part(conf *confmap.Conf, section string, into component.Config) error {
	own, err := conf.Sub(section)
	if err != nil {
		return err
	}
	return own.Unmarshal(into)
}

type host map[component.ID]component.Component

func (h host) GetExtensions() map[component.ID]component.Component { return h }

func guarded(conf *confmap.Conf) (host, error) {
	factory := otlpguardextension.NewFactory()
	cfg := factory.CreateDefaultConfig()
	if err := part(conf, "extensions::otlp_guard", cfg); err != nil {
		return nil, err
	}
	id := component.NewID(factory.Type())
	guard, err := factory.Create(context.Background(),
		extension.Settings{ID: id, TelemetrySettings: componenttest.NewNopTelemetrySettings()}, cfg)
	if err != nil {
		return nil, err
	}
	known := host{id: guard}
	return known, guard.Start(context.Background(), known)
}

// sink encodes what arrives, as an exporter would.
func sink() (consumer.Logs, consumer.Metrics, consumer.Traces, error) {
	logs, errLogs := consumer.NewLogs(func(_ context.Context, data plog.Logs) error {
		_, err := (&plog.ProtoMarshaler{}).MarshalLogs(data)
		return err
	})
	metrics, errMetrics := consumer.NewMetrics(func(_ context.Context, data pmetric.Metrics) error {
		_, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(data)
		return err
	})
	traces, errTraces := consumer.NewTraces(func(_ context.Context, data ptrace.Traces) error {
		_, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(data)
		return err
	})
	for _, err := range []error{errLogs, errMetrics, errTraces} {
		if err != nil {
			return nil, nil, nil, err
		}
	}
	return logs, metrics, traces, nil
}

// receive starts the receiver, with the redaction and the sink behind it.
func receive(conf *confmap.Conf, known host) error {
	ctx := context.Background()
	masking := redactionprocessor.NewFactory()
	maskingConfig := masking.CreateDefaultConfig()
	if err := part(conf, "processors::redaction", maskingConfig); err != nil {
		return err
	}
	taking := otlpreceiver.NewFactory()
	takingConfig := taking.CreateDefaultConfig()
	if err := part(conf, "receivers::otlp", takingConfig); err != nil {
		return err
	}
	set := processor.Settings{ID: component.NewID(masking.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	from := receiver.Settings{ID: component.NewID(taking.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	logSink, metricSink, traceSink, err := sink()
	if err != nil {
		return err
	}
	maskedLogs, err := masking.CreateLogs(ctx, set, maskingConfig, logSink)
	if err != nil {
		return err
	}
	maskedMetrics, err := masking.CreateMetrics(ctx, set, maskingConfig, metricSink)
	if err != nil {
		return err
	}
	maskedTraces, err := masking.CreateTraces(ctx, set, maskingConfig, traceSink)
	if err != nil {
		return err
	}
	logs, err := taking.CreateLogs(ctx, from, takingConfig, maskedLogs)
	if err != nil {
		return err
	}
	metrics, err := taking.CreateMetrics(ctx, from, takingConfig, maskedMetrics)
	if err != nil {
		return err
	}
	traces, err := taking.CreateTraces(ctx, from, takingConfig, maskedTraces)
	if err != nil {
		return err
	}
	for name, each := range map[string]component.Component{
		"masked logs": maskedLogs, "masked metrics": maskedMetrics, "masked traces": maskedTraces,
		"logs": logs, "metrics": metrics, "traces": traces,
	} {
		if err := each.Start(ctx, known); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
