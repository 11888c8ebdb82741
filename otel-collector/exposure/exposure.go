// Package exposure refuses a collector that would take OTLP from other machines without knowing who sends: a receiver on
// an address beyond loopback needs an authenticator or a client CA. It looks at the configuration in force, whatever
// files, variables and flags it came from.
package exposure

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

const (
	hostVariable      = "ORCHESTRATOR_COLLECTOR_HOST"
	publishedVariable = "ORCHESTRATOR_COLLECTOR_PUBLISHED_ON"

	remedy = "set ORCHESTRATOR_COLLECTOR_TOKEN or ORCHESTRATOR_COLLECTOR_TOKEN_FILE, or for mTLS " +
		"ORCHESTRATOR_COLLECTOR_TLS_CLIENT_CA with ORCHESTRATOR_COLLECTOR_TLS_CERT and ORCHESTRATOR_COLLECTOR_TLS_KEY"
)

// Lookup is os.LookupEnv, or a test's own environment.
type Lookup func(name string) (string, bool)

// IsLoopback says whether only this machine reaches a host, a name or an address without its port. "" is every address.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address := net.ParseIP(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return address != nil && address.IsLoopback()
}

// Check returns why a whole configuration, its variables expanded, is open to others, or nil. cards are the names of the
// network cards that this process sees.
func Check(conf *confmap.Conf, lookup Lookup, cards []string) error {
	var open []string
	receivers, _ := conf.Get("receivers").(map[string]any)
	for name := range receivers {
		if kind, _, _ := strings.Cut(name, "/"); kind != "otlp" {
			continue
		}
		for _, protocol := range []string{"grpc", "http"} {
			key := "receivers::" + name + "::protocols::" + protocol
			host, _, err := net.SplitHostPort(text(conf.Get(key + "::endpoint")))
			if err != nil || IsLoopback(host) || conf.Get(key+"::auth") != nil || text(conf.Get(key+"::tls::client_ca_file")) != "" {
				continue // what is no address has no listener beyond this machine, or doesn't start
			}
			open = append(open, host)
		}
	}
	if len(open) == 0 {
		return nil
	}
	slices.Sort(open)
	return judge(slices.Compact(open), lookup, cards)
}

// judge decides on hosts that are open in this network namespace.
func judge(hosts []string, lookup Lookup, cards []string) error {
	published, _ := lookup(publishedVariable)
	switch {
	case published == "":
		name := "the OTLP receiver's host"
		if given, _ := lookup(hostVariable); slices.Contains(hosts, given) {
			name = hostVariable
		}
		return fmt.Errorf("%s=%q takes data from other machines: %s", name, strings.Join(hosts, ","), remedy)
	case !IsLoopback(published):
		return fmt.Errorf("%s=%q takes data from other machines: %s", publishedVariable, published, remedy)
	case len(cards) > 0:
		return fmt.Errorf("%s=%q isn't so: this is the network of a whole machine, with %s: %s",
			publishedVariable, published, strings.Join(cards, ", "), remedy)
	}
	return nil
}

func text(value any) string {
	if value, ok := value.(string); ok {
		return value
	}
	return ""
}

// Cards are the network cards of a machine that this process sees: none in a container's own network, where there are
// only ends of virtual cables. Where the system doesn't say, none either.
func Cards() []string {
	var cards []string
	entries, _ := os.ReadDir("/sys/class/net")
	for _, entry := range entries {
		if _, err := os.Stat("/sys/class/net/" + entry.Name() + "/device"); err == nil {
			cards = append(cards, entry.Name())
		}
	}
	return cards
}

type converter struct{}

// NewFactory makes the last step of reading the configuration.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return converter{} })
}

// Convert changes nothing, and refuses what is open to others.
func (converter) Convert(_ context.Context, conf *confmap.Conf) error {
	return Check(conf, os.LookupEnv, Cards())
}
