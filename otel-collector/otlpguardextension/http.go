package otlpguardextension

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// free is what a body may have without asking: what ordinary senders send goes on while others use the budget up.
const free = 256 << 10

var errBudget = errors.New("too many large requests at once")

// budget is shared by all bodies that are being read or worked on.
type budget struct {
	limit   int64
	held    atomic.Int64
	refused func(status int)
}

// countRefusals counts the requests that are refused before anybody knows how many records are in them: the receiver's own
// counters don't have these.
func countRefusals(meters metric.MeterProvider) (func(status int), error) {
	counter, err := meters.Meter("orchestrator-telemetry/otel-collector/otlpguardextension").Int64Counter(
		"otelcol_otlp_guard_refused_requests",
		metric.WithDescription("HTTP requests that were refused unread: too large (413), or too many large ones at once (503)."),
	)
	if err != nil {
		return nil, err
	}
	by := map[int]metric.MeasurementOption{}
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusRequestEntityTooLarge} {
		by[status] = metric.WithAttributeSet(attribute.NewSet(attribute.Int("http.response.status_code", status)))
		counter.Add(context.Background(), 0, by[status]) // a series that is there before the first refusal
	}
	return func(status int) { counter.Add(context.Background(), 1, by[status]) }, nil
}

// GetHTTPHandler wraps what comes after decompression and the check of the token.
func (g *guard) GetHTTPHandler(context.Context) (func(context.Context, http.Handler) (http.Handler, error), error) {
	return func(_ context.Context, next http.Handler) (http.Handler, error) { return g.bodies.watch(next), nil }, nil
}

func (b *budget) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &counted{ReadCloser: r.Body, budget: b}
		defer body.release()
		r.Body = body
		answered := &answer{ResponseWriter: w, body: body, asJSON: isJSON(r)}
		next.ServeHTTP(answered, r)
		answered.release()
	})
}

// counted is a body that takes from the budget what is read of it.
type counted struct {
	io.ReadCloser
	budget *budget
	read   int64
	held   int64
	status int // what hindered reading means for the sender, 0 while nothing did
}

func (c *counted) Read(into []byte) (int, error) {
	n, err := c.ReadCloser.Read(into)
	c.read += int64(n)
	if more := c.read - free - c.held; more > 0 {
		c.held += more
		if c.budget.held.Add(more) > c.budget.limit {
			c.status = http.StatusServiceUnavailable
			return 0, errBudget
		}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		c.status = http.StatusRequestEntityTooLarge
	}
	return n, err
}

func (c *counted) release() {
	c.budget.held.Add(-c.held)
	c.held = 0
}
