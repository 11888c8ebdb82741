package patienceextension

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orchestrator-telemetry/otel-collector/testcounts"
)

type told struct {
	client *http.Client
	lines  *observer.ObservedLogs
	counts func() map[int64]int64
}

// patient is a client as an exporter has it.
func patient(t *testing.T, silence time.Duration, now func() time.Time) told {
	t.Helper()
	core, lines := observer.New(zap.InfoLevel)
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	telling, err := newTelling(zap.New(core), telemetry.NewTelemetrySettings().MeterProvider, "elasticsearch", now)
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := (&patience{silence: silence, told: telling}).GetHTTPRoundTripper(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	wrapped, err := wrap(context.Background(), transport)
	if err != nil {
		t.Fatal(err)
	}
	return told{&http.Client{Transport: wrapped}, lines, func() map[int64]int64 {
		return testcounts.ByStatus(t, telemetry, "otelcol_patience_waited_requests")
	}}
}

func serving(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnswers(t *testing.T) {
	page := "\n<!DOCTYPE html><title>Sign in</title>"
	for name, one := range map[string]struct {
		status     int
		kind, body string
		want       string // of the error; "": the answer comes through
	}{
		"taken":                {200, "application/json", `{"errors":false}`, ""},
		"taken without a word": {204, "", "", ""},
		"html by default":      {200, "text/html; charset=utf-8", "ok", ""},
		"wrong in itself":      {400, "text/html", page, ""},
		"too much":             {429, "", "", ""},
		"down":                 {503, "text/html", page, ""},
		"too large":            {413, "", "", ""},
		"elsewhere":            {307, "", "", ""},
		"no key":               {401, "application/json", `{}`, "answered 401 Unauthorized"},
		"no right":             {403, "", "", "answered 403 Forbidden"},
		"no such path":         {404, "", "", "answered 404 Not Found"},
		"no such method":       {405, "", "", "answered 405 Method Not Allowed"},
		"a proxy's":            {407, "", "", "answered 407 Proxy Authentication Required"},
		"sent to a login":      {302, "", "", "answered 302: sent on to another page, such as a login"},
		"a login page":         {200, "text/html; charset=utf-8", page, "answered 200 with a web page, such as a login"},
	} {
		t.Run(name, func(t *testing.T) {
			url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", one.kind)
				w.WriteHeader(one.status)
				_, _ = io.WriteString(w, one.body)
			})
			mine := patient(t, time.Minute, time.Now)
			response, err := mine.client.Post(url, "application/json", strings.NewReader("{}"))
			if one.want != "" {
				if err == nil || !strings.HasSuffix(err.Error(), one.want) {
					t.Errorf("%v", err)
				}
				if mine.counts()[int64(one.status)] != 1 || mine.lines.Len() != 1 {
					t.Error(mine.counts(), mine.lines.All())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != one.status || (one.status != 204 && string(body) != one.body) {
				t.Error(response.StatusCode, string(body), err)
			}
			if mine.lines.Len() != 0 {
				t.Error(mine.lines.All())
			}
		})
	}
}

func TestSilence(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			<-r.Context().Done()
		},
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			_, _ = io.WriteString(w, "{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			mine := patient(t, 50*time.Millisecond, time.Now)
			_, err := mine.client.Post(serving(t, handler), "application/json", strings.NewReader("{}"))
			if err == nil || !strings.HasSuffix(err.Error(), "no answer within 50ms") {
				t.Error(err)
			}
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				t.Error("an exporter would give this up")
			}
			if mine.counts()[0] != 1 {
				t.Error(mine.counts())
			}
		})
	}
}

func TestAnAnswerThatBreaksOff(t *testing.T) {
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "{")
	})
	_, err := patient(t, time.Minute, time.Now).client.Get(url)
	if err == nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestALongAnswerComesWhole(t *testing.T) {
	long := bytes.Repeat([]byte("x"), longest+1000)
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(long) })
	response, err := patient(t, time.Minute, time.Now).client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || !bytes.Equal(body, long) {
		t.Error(len(body), err)
	}
}

func TestItsOwnEndStaysWhatItIs(t *testing.T) {
	url := serving(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, end := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer end()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	_, err := patient(t, time.Minute, time.Now).client.Do(request)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestTheSameIsSaidOnceInAWhile(t *testing.T) {
	now := time.Unix(0, 0)
	mine := patient(t, time.Minute, func() time.Time { return now })
	url := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	for range 3 {
		_, _ = mine.client.Get(url)
	}
	now = now.Add(again)
	_, _ = mine.client.Get(url)
	if mine.lines.Len() != 2 || mine.counts()[http.StatusUnauthorized] != 4 {
		t.Error(mine.lines.Len(), mine.counts())
	}
}

func TestConfig(t *testing.T) {
	if err := (&Config{}).Validate(); err == nil {
		t.Error("no patience at all")
	}
	if err := NewFactory().CreateDefaultConfig().(*Config).Validate(); err != nil {
		t.Error(err)
	}
}
