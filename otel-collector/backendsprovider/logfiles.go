package backendsprovider

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.opentelemetry.io/collector/confmap"
)

const logFilesVariable = "ORCHESTRATOR_COLLECTOR_LOG_FILES"

// readLogFiles joins log_files.yaml when the variable names files, and returns what is wrong with it.
func readLogFiles(result *confmap.Conf, files []fs.FS, lookup Lookup) []string {
	value, _ := lookup(logFilesVariable)
	if value == "" {
		return nil
	}
	problems := merge(result, files, "log_files.yaml", "the collector", lookup)
	include := confmap.NewFromStringMap(map[string]any{"receivers::file_log::include": list(value)})
	if err := result.Merge(include); err != nil {
		problems = append(problems, "the collector: "+oneLine(err))
	}
	return problems
}

// list is what stands in a variable with commas between, as a configuration has it.
func list(value string) []any {
	var items []any
	for _, part := range parts(value) {
		items = append(items, part)
	}
	return items
}

// parts are what stands in a variable with commas between, without the spaces around them.
func parts(value string) []string {
	found := strings.Split(value, ",")
	for i, part := range found {
		found[i] = strings.TrimSpace(part)
	}
	return found
}

func malformedPatterns(value string) string {
	const allowed = "absolute paths with commas between, such as /var/log/agents/*.jsonl"
	for _, pattern := range parts(value) {
		switch {
		case pattern == "":
			return "has an empty entry; allowed are " + allowed
		case !filepath.IsAbs(pattern):
			return fmt.Sprintf("has %q, which isn't an absolute path; allowed are %s", pattern, allowed)
		case !doublestar.ValidatePattern(pattern):
			return fmt.Sprintf("has %q, whose brackets or braces don't close; allowed are %s", pattern, allowed)
		}
	}
	return ""
}
