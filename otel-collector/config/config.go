// Package config holds the collector's configuration files, so that the binary needs nothing beside it.
package config

import "embed"

// FS has base.yaml, token.yaml and backends/<name>.yaml.
//
//go:embed base.yaml token.yaml backends/*.yaml
var FS embed.FS
