package patienceextension

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// again is how often the same hindrance is written down.
const again = 30 * time.Second

// telling writes down and counts what is waited for: some exporters try again without a word.
type telling struct {
	log      *zap.Logger
	counter  metric.Int64Counter
	exporter string
	now      func() time.Time

	mutex sync.Mutex
	said  map[string]time.Time // by what was said: a few dozen at most
}

func newTelling(log *zap.Logger, meters metric.MeterProvider, exporter string, now func() time.Time) (*telling, error) {
	counter, err := meters.Meter("orchestrator-telemetry/otel-collector/patienceextension").Int64Counter(
		"otelcol_patience_waited_requests",
		metric.WithDescription("Requests whose answer (its status; 0: none in time) says that somebody must put something right: they are sent again."),
	)
	if err != nil {
		return nil, err
	}
	return &telling{log: log, counter: counter, exporter: exporter, now: now, said: map[string]time.Time{}}, nil
}

// waits counts one more, and returns what the exporter is told. Nothing of the address is in it.
func (t *telling) waits(status int, what string) error {
	t.counter.Add(context.Background(), 1, metric.WithAttributes(
		attribute.String("exporter", t.exporter), attribute.Int("http.response.status_code", status),
	))
	t.mutex.Lock()
	now := t.now()
	last, known := t.said[what]
	isDue := !known || now.Sub(last) >= again
	if isDue {
		t.said[what] = now
	}
	t.mutex.Unlock()
	if isDue {
		t.log.Warn("A backend takes nothing. What waits is kept and sent again.", zap.String("error", what))
	}
	return errors.New(what)
}
