// Package otlpguardextension is a middleware of the OTLP receiver that bounds what strangers and mishaps can cost: a gRPC
// request without the right token is refused before its body is read, the bodies that are read at once share a budget,
// and a body that is too large is answered with 413.
package otlpguardextension

import (
	"context"
	"errors"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.uber.org/zap"
)

// Config says what is asked for and allowed.
type Config struct {
	// Authenticator is the extension that gRPC requests are shown to before their body is read. None: nobody asks.
	Authenticator *component.ID `mapstructure:"authenticator"`
	// BodiesMiB is how much of the bodies of HTTP requests, decompressed, may be in memory at once.
	BodiesMiB int64 `mapstructure:"bodies_mib"`
}

// Validate refuses a budget that isn't one.
func (c *Config) Validate() error {
	if c.BodiesMiB < 1 {
		return errors.New("bodies_mib must be 1 or more")
	}
	return nil
}

// NewFactory makes the extension `otlp_guard`.
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("otlp_guard"),
		func() component.Config { return &Config{BodiesMiB: 64} },
		func(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
			config, known := cfg.(*Config)
			if !known {
				return nil, errors.New("otlp_guard: not its own configuration")
			}
			refused, err := countRefusals(set.MeterProvider)
			if err != nil {
				return nil, err
			}
			return &guard{config: config, log: set.Logger, bodies: &budget{limit: config.BodiesMiB << 20, refused: refused}}, nil
		},
		component.StabilityLevelBeta,
	)
}

type guard struct {
	config *Config
	log    *zap.Logger
	bodies *budget
	asked  extensionauth.Server
}

// Start finds the authenticator: extensions start before receivers do.
func (g *guard) Start(_ context.Context, host component.Host) error {
	if g.config.Authenticator == nil {
		return nil
	}
	found, ok := host.GetExtensions()[*g.config.Authenticator].(extensionauth.Server)
	if !ok {
		return errors.New("otlp_guard: " + g.config.Authenticator.String() + " is no authenticator of servers")
	}
	g.asked = found
	return nil
}

// Shutdown has nothing to end.
func (*guard) Shutdown(context.Context) error { return nil }
