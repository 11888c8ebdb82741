// Package backendsprovider chooses the collector's backends by name: `--config=backends:prometheus,loki` is base.yaml
// joined with backends/prometheus.yaml and backends/loki.yaml. What is missing or malformed is said in one line, by
// name, before anything starts.
package backendsprovider

import (
	"context"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

const scheme = "backends"

type provider struct{}

// NewFactory makes the confmap provider of the scheme `backends:`.
func NewFactory() confmap.ProviderFactory {
	return confmap.NewProviderFactory(func(confmap.ProviderSettings) confmap.Provider { return provider{} })
}

// Retrieve returns the configuration of `backends:NAME,NAME…`. Its `${env:…}` are left for the collector to expand.
func (provider) Retrieve(_ context.Context, uri string, _ confmap.WatcherFunc) (*confmap.Retrieved, error) {
	spec, found := strings.CutPrefix(uri, scheme+":")
	if !found {
		return nil, fmt.Errorf("%q has not the form %s:NAME,NAME", uri, scheme)
	}
	conf, err := Load(spec, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	return confmap.NewRetrieved(conf.ToStringMap())
}

func (provider) Scheme() string                 { return scheme }
func (provider) Shutdown(context.Context) error { return nil }

// Preflight checks what the command line chooses with `--config=backends:…`, so that the program can say what is wrong
// in one line of its own instead of inside the collector's chain of wrapped errors.
func Preflight(args []string, lookup Lookup) error {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if name != "--config" && name != "-config" {
			continue
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		if spec, found := strings.CutPrefix(value, scheme+":"); found {
			if _, err := Load(spec, lookup); err != nil {
				return err
			}
		}
	}
	return nil
}
