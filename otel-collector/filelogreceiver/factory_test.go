package filelogreceiver

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
)

// moody is a consumer that takes or refuses.
type moody struct {
	consumer.Logs
	answer error
}

func (m *moody) ConsumeLogs(context.Context, plog.Logs) error { return m.answer }

// counting is a storage that counts what is written.
type counting struct {
	storage.Client
	written int
}

func (c *counting) Set(context.Context, string, []byte) error          { c.written++; return nil }
func (c *counting) Batch(context.Context, ...*storage.Operation) error { c.written++; return nil }

func TestNothingIsWrittenDownOnceRecordsWereGivenUp(t *testing.T) {
	ctx, next, kept := context.Background(), &moody{answer: errors.New("full")}, &counting{}
	way := &handing{Logs: next, refused: map[plog.Logs]bool{}}
	save := func() int {
		before := kept.written
		file := checkpoint{kept, way}
		if err := errors.Join(file.Set(ctx, "a", nil), file.Batch(ctx)); err != nil {
			t.Fatal(err)
		}
		return kept.written - before
	}
	logs := plog.NewLogs()
	if way.ConsumeLogs(ctx, logs) == nil || save() != 2 {
		t.Error("while it is still tried, what was read before may be written down")
	}
	next.answer = nil
	if way.ConsumeLogs(ctx, logs) != nil {
		t.Error("it was taken")
	}
	way.stop()
	if save() != 2 {
		t.Error("everything was taken, so the end is written down")
	}
	next.answer = errors.New("full")
	if way.ConsumeLogs(ctx, logs) == nil || save() != 0 {
		t.Error("given up, and yet it counts as read")
	}
}

func TestOnlyWhatComesAgainIsKeptInMind(t *testing.T) {
	whole, rest := plog.NewLogs(), plog.NewLogs()
	for name, one := range map[string]struct {
		answers []error
		given   []plog.Logs
	}{
		"a part was refused, then taken": {[]error{consumererror.NewLogs(errors.New("full"), rest), nil}, []plog.Logs{whole, rest}},
		"refused for good":               {[]error{consumererror.NewPermanent(errors.New("never"))}, []plog.Logs{whole}},
	} {
		next := &moody{}
		way := &handing{Logs: next, refused: map[plog.Logs]bool{}}
		for n, answer := range one.answers {
			next.answer = answer
			if err := way.ConsumeLogs(context.Background(), one.given[n]); !errors.Is(err, answer) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if way.stop(); way.givenUp() {
			t.Errorf("%s: and yet it is waited for", name)
		}
	}
}
