// Package datadogexporter is the contrib distribution's Datadog exporter, whose spans don't lie for five seconds before
// they are sent: the flush interval of its trace writer has a setter, and no key in the configuration.
package datadogexporter

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/datadogexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/datadog/config"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
)

// flushSeconds is how long a span may wait for others to be sent with. A check becomes a trace only when something
// happened, so the requests are few.
const flushSeconds = 1.0

type factory struct{ exporter.Factory }

// NewFactory is the contrib exporter's factory with another default.
func NewFactory() exporter.Factory {
	return factory{datadogexporter.NewFactory()}
}

// CreateDefaultConfig is the contrib exporter's, which a configuration file then fills.
func (f factory) CreateDefaultConfig() component.Config {
	made := f.Factory.CreateDefaultConfig()
	if settings, known := made.(*config.Config); known {
		settings.Traces.SetFlushInterval(flushSeconds)
	}
	return made
}
