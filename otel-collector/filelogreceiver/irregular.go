package filelogreceiver

import (
	"os"
	"regexp"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"
)

// withoutIrregular is the configuration of a receiver that passes over what is there now and is no regular file: the
// contrib receiver opens whatever matches, and a pipe into which nobody writes then stops the reading of all files.
func withoutIrregular(cfg component.Config, logger *zap.Logger) component.Config {
	changed := *cfg.(*filelogreceiver.FileLogConfig)
	excluded := slices.Clone(changed.InputConfig.Exclude)
	for _, path := range irregular(changed.InputConfig.Include) {
		logger.Warn("not read, since it is no regular file", zap.String("path", path))
		excluded = append(excluded, literally(path))
	}
	changed.InputConfig.Exclude = excluded
	return &changed
}

// irregular are the pipes, sockets and devices that match, also those behind links, in order.
func irregular(patterns []string) []string {
	var found []string
	for _, pattern := range patterns {
		paths, _ := doublestar.FilepathGlob(pattern, doublestar.WithFilesOnly()) // what is wrong with it the receiver says
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
				found = append(found, path)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

var special = regexp.MustCompile(`[*?\[\]{}\\]`)

// literally is the pattern that matches this path alone.
func literally(path string) string { return special.ReplaceAllString(path, `\$0`) }
