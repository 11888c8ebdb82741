package backendsprovider

import (
	"fmt"
	"io/fs"
	"slices"

	"go.opentelemetry.io/collector/confmap"
)

const (
	kafkaFromVariable = "ORCHESTRATOR_COLLECTOR_KAFKA_FROM"
	kafkaToVariable   = "KAFKA_BROKERS"
)

// readKafka joins kafka_from.yaml when the variable names brokers, and returns what is wrong with it.
func readKafka(result *confmap.Conf, files []fs.FS, backends []string, lookup Lookup) []string {
	from, _ := lookup(kafkaFromVariable)
	if from == "" {
		return nil
	}
	problems := merge(result, files, "kafka_from.yaml", "the collector", lookup)
	brokers := confmap.NewFromStringMap(map[string]any{"receivers::kafka::brokers": list(from)})
	if err := result.Merge(brokers); err != nil {
		problems = append(problems, "the collector: "+oneLine(err))
	}
	to, _ := lookup(kafkaToVariable)
	if slices.Contains(backends, "kafka") {
		for _, broker := range parts(from) {
			if slices.Contains(parts(to), broker) {
				problems = append(problems, fmt.Sprintf(
					"the collector: %s and %s both name %s: what is read there would be written there again, without end",
					kafkaFromVariable, kafkaToVariable, broker))
			}
		}
	}
	return problems
}
