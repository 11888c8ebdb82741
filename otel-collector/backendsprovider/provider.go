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

	"orchestrator-telemetry/otel-collector/exposure"
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
	specs, configs := chosen(args)
	var last *confmap.Conf
	for _, spec := range specs {
		conf, err := Load(spec, lookup)
		if err != nil {
			return err
		}
		last = conf
	}
	if configs == 1 && last != nil { // what further files change is seen when all of them are read
		return exposed(last, lookup)
	}
	return nil
}

// chosen is what follows `--config=backends:`, and how many configurations a command line names altogether.
func chosen(args []string) (specs []string, configs int) {
	for i, arg := range args {
		name, value, joined := strings.Cut(arg, "=")
		if name != "--config" && name != "-config" {
			continue
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		configs++
		if spec, found := strings.CutPrefix(value, scheme+":"); found {
			specs = append(specs, spec)
		}
	}
	return specs, configs
}

// exposed says before the start what the package exposure would say of the configuration in force.
func exposed(conf *confmap.Conf, lookup Lookup) error {
	host, _ := lookup(hostVariable)
	if host == "" {
		return nil // 127.0.0.1
	}
	http := "receivers::otlp::protocols::http::"
	known := confmap.NewFromStringMap(map[string]any{"receivers": map[string]any{"otlp": map[string]any{
		"protocols": map[string]any{"http": map[string]any{
			"endpoint": host + ":0", "auth": conf.Get(http + "auth"), "tls": conf.Get(http + "tls"),
		}},
	}}})
	if err := exposure.Check(known, exposure.Lookup(lookup), exposure.Cards()); err != nil {
		return fmt.Errorf("the collector: %w", err)
	}
	return nil
}
