module go.opentelemetry.io/collector/config/confignet

go 1.25.0

require (
	collector.invalid/config/confignet v1.64.0
	golang.org/x/net v0.57.0
)
