// Package forwardconnector hands what one pipeline made to others, like the stock connector of the same name, and keeps
// the pipelines apart: each takes or refuses on its own. With the stock one a single full queue makes the receiver answer
// 503, and every repetition of the client reaches the healthy backends again.
//
// It has the stock connector's name on purpose: the same configuration files work with both.
package forwardconnector

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var (
	logs = signal[plog.Logs]{
		items:  "log_records",
		count:  plog.Logs.LogRecordCount,
		freeze: plog.Logs.MarkReadOnly,
		clone: func(data plog.Logs) plog.Logs {
			made := plog.NewLogs()
			data.CopyTo(made)
			return made
		},
	}
	metrics = signal[pmetric.Metrics]{
		items:  "metric_points",
		count:  pmetric.Metrics.DataPointCount,
		freeze: pmetric.Metrics.MarkReadOnly,
		clone: func(data pmetric.Metrics) pmetric.Metrics {
			made := pmetric.NewMetrics()
			data.CopyTo(made)
			return made
		},
	}
	traces = signal[ptrace.Traces]{
		items:  "spans",
		count:  ptrace.Traces.SpanCount,
		freeze: ptrace.Traces.MarkReadOnly,
		clone: func(data ptrace.Traces) ptrace.Traces {
			made := ptrace.NewTraces()
			data.CopyTo(made)
			return made
		},
	}
)

// Config has nothing to choose.
type Config struct{}

// NewFactory makes the connector for all three signals.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		component.MustNewType("forward"),
		func() component.Config { return &Config{} },
		connector.WithLogsToLogs(createLogs, component.StabilityLevelBeta),
		connector.WithMetricsToMetrics(createMetrics, component.StabilityLevelBeta),
		connector.WithTracesToTraces(createTraces, component.StabilityLevelBeta),
	)
}

type logsConnector struct {
	idle
	consumer.ConsumeLogsFunc
}

func createLogs(_ context.Context, set connector.Settings, _ component.Config, next consumer.Logs) (connector.Logs, error) {
	made, err := newIsolation(set, logs, next, consumer.Logs.ConsumeLogs)
	if err != nil {
		return nil, err
	}
	return &logsConnector{ConsumeLogsFunc: made.hand}, nil
}

type metricsConnector struct {
	idle
	consumer.ConsumeMetricsFunc
}

func createMetrics(_ context.Context, set connector.Settings, _ component.Config, next consumer.Metrics) (connector.Metrics, error) {
	made, err := newIsolation(set, metrics, next, consumer.Metrics.ConsumeMetrics)
	if err != nil {
		return nil, err
	}
	return &metricsConnector{ConsumeMetricsFunc: made.hand}, nil
}

type tracesConnector struct {
	idle
	consumer.ConsumeTracesFunc
}

func createTraces(_ context.Context, set connector.Settings, _ component.Config, next consumer.Traces) (connector.Traces, error) {
	made, err := newIsolation(set, traces, next, consumer.Traces.ConsumeTraces)
	if err != nil {
		return nil, err
	}
	return &tracesConnector{ConsumeTracesFunc: made.hand}, nil
}
