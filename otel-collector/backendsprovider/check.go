package backendsprovider

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// ${env:NAME}, ${env:NAME:-default}: the name, whether a default follows, and whether a path is added to the value.
	reference = regexp.MustCompile(`\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?:(:-)|\}(/?))`)
	userinfo  = regexp.MustCompile(`^(.*?//)?.*@`)
)

// headersEnding is what the names of variables with headers of requests end in.
const headersEnding = "_HEADERS"

type variable struct {
	required bool // somewhere without a default
	extended bool // a path is added to it
}

// check returns what is wrong with the variables that a configuration refers to, one text each, sorted by variable.
func check(owner string, conf map[string]any, lookup Lookup) []string {
	variables := map[string]variable{}
	collect(conf, variables)
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	slices.Sort(names)
	var problems []string
	for _, name := range names {
		value, _ := lookup(name)
		if value == "" {
			if variables[name].required {
				problems = append(problems, owner+" needs "+name)
			}
			continue
		}
		if wrong := malformed(name, value, variables[name]); wrong != "" {
			problems = append(problems, fmt.Sprintf("%s: %s=%q %s", owner, name, shown(name, value), wrong))
		}
	}
	return problems
}

func collect(value any, variables map[string]variable) {
	switch value := value.(type) {
	case map[string]any:
		for _, item := range value {
			collect(item, variables)
		}
	case []any:
		for _, item := range value {
			collect(item, variables)
		}
	case string:
		for _, match := range reference.FindAllStringSubmatch(value, -1) {
			seen := variables[match[1]]
			seen.required = seen.required || match[2] == ""
			seen.extended = seen.extended || match[3] != ""
			variables[match[1]] = seen
		}
	}
}

// malformed says what is wrong with a value and what is allowed, or "": by the row of the variable's name in kinds, else by
// its ending.
func malformed(name, value string, seen variable) string {
	if row, known := kinds[name]; known {
		if wrong := row(value); wrong != "" {
			return wrong
		}
	}
	switch {
	case strings.HasSuffix(name, "_URL"):
		if wrong := absoluteURL(value); wrong != "" {
			return wrong
		}
		if seen.extended && strings.HasSuffix(value, "/") {
			return "must not end in a slash"
		}
	case strings.HasSuffix(name, "_BROKERS") || name == kafkaFromVariable:
		for _, broker := range parts(value) {
			if !isAddress(broker) {
				return "is not host:port, or several of them with commas between"
			}
		}
	case name == logFilesVariable:
		return malformedPatterns(value)
	case name == hostVariable:
		if strings.Contains(value, ":") && !strings.HasPrefix(value, "[") {
			return "is not a host: an IPv6 address stands in brackets, such as [::1]"
		}
	case strings.HasSuffix(name, headersEnding):
		return headers(value)
	case strings.HasSuffix(name, "_PORT"):
		if !isPort(value, 0) {
			return "is not a port from 0 to 65535"
		}
	}
	return ""
}

func isURL(value string) bool {
	parsed, err := url.Parse(value)
	if err != nil || parsed.Hostname() == "" || strings.ContainsAny(value, " \t\r\n") {
		return false
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		return false
	}
	return parsed.Port() == "" && !strings.HasSuffix(parsed.Host, ":") || isPort(parsed.Port(), 1)
}

func isAddress(value string) bool {
	host, port, err := net.SplitHostPort(value)
	return err == nil && host != "" && !strings.ContainsAny(host, "/@ ") && isPort(port, 1)
}

func isPort(value string, lowest int) bool {
	port, err := strconv.Atoi(value)
	return err == nil && lowest <= port && port <= 65535
}

// shown is a value as it may stand in a log: headers are secrets whole.
func shown(name, value string) string {
	if strings.HasSuffix(name, headersEnding) {
		return "***"
	}
	return mask(value)
}

// mask hides what a URL may carry that isn't for a log: user, password and query.
func mask(value string) string {
	value, _, query := strings.Cut(value, "?")
	value = userinfo.ReplaceAllString(value, "${1}***@")
	if query {
		value += "?***"
	}
	return value
}
