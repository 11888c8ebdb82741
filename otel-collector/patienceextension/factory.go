// Package patienceextension is a middleware of the exporters that send over HTTP. What somebody will put right (a key that
// ran out, a wrong path, a proxy or a login page in between, a server that took a connection and fell silent) is an error
// that is tried again, instead of one that throws away what waits or hangs for good.
package patienceextension

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
)

// Type is the extension's name in a configuration; what follows the slash is the exporter it serves.
const Type = "patience"

// Config says how long silence may last.
type Config struct {
	// Silence is how long an attempt may go on without a byte in either direction.
	Silence time.Duration `mapstructure:"silence"`
}

// Validate refuses what would end every attempt.
func (c *Config) Validate() error {
	if c.Silence < time.Second {
		return errors.New("silence must be 1s or more")
	}
	return nil
}

// NewFactory makes the extension `patience`.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType(Type),
		func() component.Config { return &Config{Silence: time.Minute} },
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			config, known := cfg.(*Config)
			if !known {
				return nil, errors.New("patience: not its own configuration")
			}
			told, err := newTelling(set.Logger, set.MeterProvider, set.ID.Name(), time.Now)
			if err != nil {
				return nil, err
			}
			return &patience{silence: config.Silence, told: told}, nil
		},
		component.StabilityLevelBeta,
	)
}

type patience struct {
	component.StartFunc
	component.ShutdownFunc
	silence time.Duration
	told    *telling
}

var _ extensionmiddleware.HTTPClient = (*patience)(nil)

// GetHTTPRoundTripper wraps what an exporter sends with.
func (p *patience) GetHTTPRoundTripper(context.Context) (extensionmiddleware.WrapHTTPRoundTripperFunc, error) {
	return func(_ context.Context, next http.RoundTripper) (http.RoundTripper, error) {
		return &waiting{next: next, silence: p.silence, told: p.told}, nil
	}, nil
}
