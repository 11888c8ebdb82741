// Package redactionprocessor masks secrets wherever OTLP can carry one. It takes the settings of the contrib processor
// of the same name that config/base.yaml uses, so that the same files work with both, and differs in three things:
//
//   - It looks everywhere. The contrib processor (0.158) leaves out names of attributes, spans, events and metrics,
//     status messages, links, exemplars, scopes, bytes, and what is nested in attributes keeps its structure here.
//   - Its time doesn't grow with the number of patterns: one pass finds which of them can match at all.
//   - What is nested deeper than any backend takes is replaced: see deepest.
package redactionprocessor

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
)

// Config is the part of the contrib processor's that is supported; any other key is refused when the collector starts.
type Config struct {
	// AllowAllKeys keeps every attribute; without it those that AllowedKeys lacks are dropped.
	AllowAllKeys bool     `mapstructure:"allow_all_keys"`
	AllowedKeys  []string `mapstructure:"allowed_keys"`
	// BlockedKeyPatterns are for names whose values are masked whole, BlockedValues for secrets in any text.
	BlockedKeyPatterns []string `mapstructure:"blocked_key_patterns"`
	BlockedValues      []string `mapstructure:"blocked_values"`
	// RedactAllTypes and Summary are the contrib processor's: every type is looked at here, and nothing is noted.
	RedactAllTypes bool   `mapstructure:"redact_all_types"`
	Summary        string `mapstructure:"summary"`
}

// Validate refuses what isn't supported.
func (c *Config) Validate() error {
	if c.Summary != "" && c.Summary != "silent" {
		return errors.New(`summary: only "silent" is supported`)
	}
	_, err := newMasker(c)
	return err
}

// NewFactory makes the processor for all three signals.
func NewFactory() processor.Factory {
	return processor.NewFactory(
		component.MustNewType("redaction"),
		func() component.Config { return &Config{} },
		processor.WithLogs(createLogs, component.StabilityLevelBeta),
		processor.WithMetrics(createMetrics, component.StabilityLevelBeta),
		processor.WithTraces(createTraces, component.StabilityLevelBeta),
	)
}

var mutates = processorhelper.WithCapabilities(consumer.Capabilities{MutatesData: true})

func maskerOf(set processor.Settings, cfg component.Config) (*masker, error) {
	made, err := newMasker(cfg.(*Config))
	if err != nil {
		return nil, fmt.Errorf("redaction: %w", err)
	}
	if made.cut, err = countCuts(set.MeterProvider); err != nil {
		return nil, fmt.Errorf("redaction: %w", err)
	}
	return made, nil
}

func createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	m, err := maskerOf(set, cfg)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewLogs(ctx, set, cfg, next, m.logs, mutates)
}

func createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	m, err := maskerOf(set, cfg)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewMetrics(ctx, set, cfg, next, m.metrics, mutates)
}

func createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	m, err := maskerOf(set, cfg)
	if err != nil {
		return nil, err
	}
	return processorhelper.NewTraces(ctx, set, cfg, next, m.traces, mutates)
}
