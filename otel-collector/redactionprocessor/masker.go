package redactionprocessor

import (
	"context"
	"fmt"
	"regexp"
	"sync"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// masker masks in place.
type masker struct {
	values  *search
	keys    []*regexp.Regexp
	allowed map[string]struct{} // nil: all are
	cut     metric.Int64Counter

	known     sync.Map // of string to key: the same names come again and again
	knownRoom sync.Mutex
	knownSize int
}

// key is what is known of an attribute's name.
type key struct {
	shown  string // without the secrets in it
	secret bool   // its value is one
}

const (
	mostKnown    = 4096
	longestKnown = 128
)

func newMasker(cfg *Config) (*masker, error) {
	values, err := newSearch(cfg.BlockedValues)
	if err != nil {
		return nil, err
	}
	m := &masker{values: values, cut: noop.Int64Counter{}}
	for number, text := range cfg.BlockedKeyPatterns {
		compiled, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("blocked_key_patterns[%d]: %w", number, err)
		}
		m.keys = append(m.keys, compiled)
	}
	if !cfg.AllowAllKeys {
		m.allowed = map[string]struct{}{}
		for _, name := range cfg.AllowedKeys {
			m.allowed[name] = struct{}{}
		}
	}
	return m, nil
}

func (m *masker) logs(_ context.Context, data plog.Logs) (plog.Logs, error) {
	for _, resource := range data.ResourceLogs().All() {
		m.attributes(resource.Resource().Attributes())
		m.text(resource.SchemaUrl, resource.SetSchemaUrl)
		for _, scope := range resource.ScopeLogs().All() {
			m.scope(scope.Scope())
			m.text(scope.SchemaUrl, scope.SetSchemaUrl)
			for _, record := range scope.LogRecords().All() {
				m.value(record.Body(), 0)
				m.attributes(record.Attributes())
				m.text(record.EventName, record.SetEventName)
				m.text(record.SeverityText, record.SetSeverityText)
			}
		}
	}
	return data, nil
}

func (m *masker) traces(_ context.Context, data ptrace.Traces) (ptrace.Traces, error) {
	for _, resource := range data.ResourceSpans().All() {
		m.attributes(resource.Resource().Attributes())
		m.text(resource.SchemaUrl, resource.SetSchemaUrl)
		for _, scope := range resource.ScopeSpans().All() {
			m.scope(scope.Scope())
			m.text(scope.SchemaUrl, scope.SetSchemaUrl)
			for _, span := range scope.Spans().All() {
				m.span(span)
			}
		}
	}
	return data, nil
}

func (m *masker) span(span ptrace.Span) {
	m.text(span.Name, span.SetName)
	m.text(span.Status().Message, span.Status().SetMessage)
	m.text(span.TraceState().AsRaw, span.TraceState().FromRaw)
	m.attributes(span.Attributes())
	for _, event := range span.Events().All() {
		m.text(event.Name, event.SetName)
		m.attributes(event.Attributes())
	}
	for _, link := range span.Links().All() {
		m.text(link.TraceState().AsRaw, link.TraceState().FromRaw)
		m.attributes(link.Attributes())
	}
}

func (m *masker) metrics(_ context.Context, data pmetric.Metrics) (pmetric.Metrics, error) {
	for _, resource := range data.ResourceMetrics().All() {
		m.attributes(resource.Resource().Attributes())
		m.text(resource.SchemaUrl, resource.SetSchemaUrl)
		for _, scope := range resource.ScopeMetrics().All() {
			m.scope(scope.Scope())
			m.text(scope.SchemaUrl, scope.SetSchemaUrl)
			for _, metric := range scope.Metrics().All() {
				m.text(metric.Name, metric.SetName)
				m.text(metric.Description, metric.SetDescription)
				m.text(metric.Unit, metric.SetUnit)
				m.attributes(metric.Metadata())
				m.points(metric)
			}
		}
	}
	return data, nil
}

func (m *masker) points(metric pmetric.Metric) {
	switch metric.Type() {
	case pmetric.MetricTypeGauge:
		for _, point := range metric.Gauge().DataPoints().All() {
			m.attributes(point.Attributes())
			m.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeSum:
		for _, point := range metric.Sum().DataPoints().All() {
			m.attributes(point.Attributes())
			m.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeHistogram:
		for _, point := range metric.Histogram().DataPoints().All() {
			m.attributes(point.Attributes())
			m.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, point := range metric.ExponentialHistogram().DataPoints().All() {
			m.attributes(point.Attributes())
			m.exemplars(point.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, point := range metric.Summary().DataPoints().All() {
			m.attributes(point.Attributes())
		}
	case pmetric.MetricTypeEmpty:
	}
}

func (m *masker) exemplars(exemplars pmetric.ExemplarSlice) {
	for _, exemplar := range exemplars.All() {
		m.attributes(exemplar.FilteredAttributes())
	}
}

func (m *masker) scope(scope pcommon.InstrumentationScope) {
	m.text(scope.Name, scope.SetName)
	m.text(scope.Version, scope.SetVersion)
	m.attributes(scope.Attributes())
}

func (m *masker) text(get func() string, set func(string)) {
	before := get()
	if after := m.values.replace(before); after != before {
		set(after)
	}
}

func (m *masker) attributes(attributes pcommon.Map) {
	if m.allowed != nil {
		attributes.RemoveIf(func(name string, _ pcommon.Value) bool {
			_, allowed := m.allowed[name]
			return !allowed
		})
	}
	m.mapping(attributes, 0)
}

// mapping masks what is so many maps and lists deep.
func (m *masker) mapping(values pcommon.Map, depth int) {
	renamed := false
	for name, value := range values.All() {
		known := m.key(name)
		renamed = renamed || known.shown != name
		if known.secret && value.Type() != pcommon.ValueTypeBool && value.Type() != pcommon.ValueTypeEmpty {
			value.SetStr(mask)
		} else {
			m.value(value, depth)
		}
	}
	if !renamed {
		return
	}
	clean := pcommon.NewMap()
	for name, value := range values.All() {
		shown := m.key(name).shown
		for _, taken := clean.Get(shown); taken; _, taken = clean.Get(shown) {
			shown += "~"
		}
		value.MoveTo(clean.PutEmpty(shown))
	}
	clean.MoveTo(values)
}

func (m *masker) value(value pcommon.Value, depth int) {
	if m.cutAt(value, depth) {
		return
	}
	switch value.Type() {
	case pcommon.ValueTypeStr:
		m.text(value.Str, value.SetStr)
	case pcommon.ValueTypeBytes:
		m.text(func() string { return string(value.Bytes().AsRaw()) }, value.SetStr)
	case pcommon.ValueTypeMap:
		m.mapping(value.Map(), depth+1)
	case pcommon.ValueTypeSlice:
		for _, item := range value.Slice().All() {
			m.value(item, depth+1)
		}
	case pcommon.ValueTypeBool, pcommon.ValueTypeDouble, pcommon.ValueTypeInt, pcommon.ValueTypeEmpty:
	}
}

func (m *masker) key(name string) key {
	if found, ok := m.known.Load(name); ok {
		return found.(key)
	}
	made := key{shown: m.values.replace(name)}
	for _, pattern := range m.keys {
		made.secret = made.secret || pattern.MatchString(name)
	}
	if len(name) > longestKnown {
		return made
	}
	m.knownRoom.Lock()
	defer m.knownRoom.Unlock()
	if m.knownSize >= mostKnown { // somebody makes up names without an end
		m.known.Clear()
		m.knownSize = 0
	}
	m.knownSize++
	m.known.Store(name, made)
	return made
}
