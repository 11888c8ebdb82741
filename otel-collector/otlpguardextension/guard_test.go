package otlpguardextension

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"orchestrator-telemetry/otel-collector/testcounts"
)

// receiver reads as the OTLP receiver does, and answers 400 where it can't.
func receiver(meanwhile func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		meanwhile()
		w.WriteHeader(http.StatusOK)
	})
}

func post(handler http.Handler, size int) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/v1/logs", strings.NewReader(strings.Repeat("x", size))))
	return recorder
}

// bounded is a budget, and what counts for it.
func bounded(t *testing.T, limit int64) (*budget, func() map[int64]int64) {
	t.Helper()
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	refused, err := countRefusals(telemetry.NewTelemetrySettings().MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	return &budget{limit: limit, refused: refused}, func() map[int64]int64 {
		return testcounts.ByStatus(t, telemetry, "otelcol_otlp_guard_refused_requests")
	}
}

func TestBudget(t *testing.T) {
	shared, counted := bounded(t, 1<<20)
	var second, small *httptest.ResponseRecorder
	idle := shared.watch(receiver(func() {}))
	first := post(shared.watch(receiver(func() {
		second = post(idle, 1<<20)
		small = post(idle, free)
	})), 1<<20)
	if first.Code != http.StatusOK || small.Code != http.StatusOK {
		t.Errorf("%d, %d while it is taken", first.Code, small.Code)
	}
	if second.Code != http.StatusServiceUnavailable || second.Header().Get("Retry-After") != "1" {
		t.Errorf("%d, retry after %q", second.Code, second.Header().Get("Retry-After"))
	}
	if now := counted(); now[http.StatusServiceUnavailable] != 1 || now[http.StatusRequestEntityTooLarge] != 0 {
		t.Errorf("counted %v", now)
	}
	if held := shared.held.Load(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
	if again := post(idle, 1<<20); again.Code != http.StatusOK {
		t.Error(again.Code)
	}
}

func TestTooLarge(t *testing.T) {
	shared, counted := bounded(t, 1<<20)
	handler := shared.watch(receiver(func() {}))
	cut := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1000)
		handler.ServeHTTP(w, r)
	})
	if got := post(cut, 1001).Code; got != http.StatusRequestEntityTooLarge {
		t.Error(got)
	}
	if got := post(cut, 1000).Code; got != http.StatusOK {
		t.Error(got)
	}
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	if got := post(shared.watch(broken), 1).Code; got != http.StatusBadRequest {
		t.Errorf("%d for what is wrong in itself", got)
	}
	if now := counted(); now[http.StatusRequestEntityTooLarge] != 1 || now[http.StatusServiceUnavailable] != 0 {
		t.Errorf("counted %v", now)
	}
}

func TestA500IsA400ForJSONThatCantBeRepeatedAlone(t *testing.T) {
	shared, _ := bounded(t, 1<<20)
	const cannot = `{"code": 13, "message": "failed to marshal error message"}`
	for _, one := range []struct {
		kind, said string
		status     int
		answer     string
	}{
		{"application/json", cannot, http.StatusBadRequest, string(unreadable)},
		{"application/json; charset=utf-8", cannot, http.StatusBadRequest, string(unreadable)},
		{"application/json", "what went wrong", http.StatusInternalServerError, "what went wrong"},
		{"application/json", "", http.StatusInternalServerError, ""},
		{"application/x-protobuf", cannot, http.StatusInternalServerError, cannot},
	} {
		handler := shared.watch(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			if one.said != "" {
				_, _ = w.Write([]byte(one.said))
			}
		}))
		request, recorder := httptest.NewRequest(http.MethodPost, "/v1/logs", nil), httptest.NewRecorder()
		request.Header.Set("Content-Type", one.kind)
		if handler.ServeHTTP(recorder, request); recorder.Code != one.status || recorder.Body.String() != one.answer {
			t.Errorf("%v: %d %s", one, recorder.Code, recorder.Body)
		}
	}
}

type extensions map[component.ID]component.Component

func (e extensions) GetExtensions() map[component.ID]component.Component { return e }

type door struct{ guard }

func (*door) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	if len(headers["authorization"]) == 1 && headers["authorization"][0] == "Bearer right" {
		return ctx, nil
	}
	return ctx, errors.New("no")
}

var _ extensionauth.Server = (*door)(nil)

func TestTokenBeforeTheBody(t *testing.T) {
	id := component.MustNewID("bearertokenauth")
	g := &guard{config: &Config{Authenticator: &id}}
	if err := g.Start(context.Background(), extensions{}); err == nil {
		t.Error("started without its authenticator")
	}
	if err := g.Start(context.Background(), extensions{id: &door{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.admit(context.Background(), &tap.Info{Header: metadata.Pairs("authorization", "Bearer right")}); err != nil {
		t.Error(err)
	}
	if _, err := g.admit(context.Background(), &tap.Info{Header: metadata.MD{}}); status.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	open := &guard{config: &Config{}}
	if err := open.Start(context.Background(), extensions{}); err != nil {
		t.Error(err)
	}
	with, _ := g.GetGRPCServerOptions(context.Background())
	without, _ := open.GetGRPCServerOptions(context.Background())
	if len(with) != len(without)+1 {
		t.Error(len(with), len(without))
	}
}

func TestConfig(t *testing.T) {
	if err := (&Config{}).Validate(); err == nil {
		t.Error("no budget at all")
	}
	if err := NewFactory().CreateDefaultConfig().(*Config).Validate(); err != nil {
		t.Error(err)
	}
}
