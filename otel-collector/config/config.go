// Package config holds the collector's configuration files, so that the binary needs nothing beside it.
package config

import "embed"

// FS has base.yaml, log_files.yaml, kafka_from.yaml, security/<name>.yaml, ours/<name>.yaml (what only this binary has) and backends/<name>.yaml.
//
//go:embed base.yaml log_files.yaml kafka_from.yaml security/*.yaml ours/*.yaml backends/*.yaml
var FS embed.FS
