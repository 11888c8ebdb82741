package main

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/DataDog/agent-payload/v5/gogen"
	"github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace"
	"github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace/idx"
	"github.com/klauspost/compress/zstd"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlplogs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

func start(t *testing.T, key string) string {
	t.Helper()
	server := httptest.NewServer(newRecorder(key).handler())
	t.Cleanup(server.Close)
	return server.URL
}

func compress(t *testing.T, encoding string, body []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	var writer io.WriteCloser
	switch encoding {
	case "gzip":
		writer = gzip.NewWriter(&buffer)
	case "deflate":
		writer = zlib.NewWriter(&buffer)
	case "zstd":
		encoder, err := zstd.NewWriter(&buffer)
		if err != nil {
			t.Fatal(err)
		}
		writer = encoder
	default:
		return body
	}
	if _, err := writer.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func send(t *testing.T, method, url, encoding string, body []byte) int {
	t.Helper()
	request, err := http.NewRequest(method, url, bytes.NewReader(compress(t, encoding, body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("DD-API-KEY", "k")
	request.Header.Set("Content-Encoding", encoding)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func ask[T any](t *testing.T, url string) []T {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var found []T
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSeriesInEveryEncoding(t *testing.T) {
	payload := gogen.MetricPayload{Series: []*gogen.MetricPayload_MetricSeries{{
		Metric: "orchestrator.agent.up", Type: gogen.MetricPayload_GAUGE, Tags: []string{"agent_name:a"}, Interval: 10,
		Resources: []*gogen.MetricPayload_Resource{{Type: "host", Name: "h"}},
		Points:    []*gogen.MetricPayload_MetricPoint{{Timestamp: 1700000000, Value: 1}},
	}}}
	body, err := payload.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"", "gzip", "deflate", "zstd"} {
		url := start(t, "")
		if status := send(t, "POST", url+"/api/v2/series", encoding, body); status != http.StatusAccepted {
			t.Fatalf("%q: %d", encoding, status)
		}
		found := ask[metric](t, url+"/recorded/metrics?name=orchestrator.agent.up&tag=agent_name:a")
		if len(found) != 1 || found[0].Type != "gauge" || found[0].Host != "h" || found[0].Points[0] != [2]float64{1700000000, 1} {
			t.Fatalf("%q: %+v", encoding, found)
		}
		if others := ask[metric](t, url+"/recorded/metrics?tag=agent_name:b"); len(others) != 0 {
			t.Fatalf("%q: %+v", encoding, others)
		}
	}
}

func TestSeriesInJSON(t *testing.T) {
	url := start(t, "")
	body := `{"series":[{"metric":"otel.up","type":3,"unit":"u","interval":0,"points":[{"timestamp":5,"value":1.5}],
		"resources":[{"name":"h","type":"host"}],"tags":["a:b"]}]}`
	request, err := http.NewRequest("POST", url+"/api/v2/series", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("DD-API-KEY", "k")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	found := ask[metric](t, url+"/recorded/metrics?name=otel.up")
	if len(found) != 1 || found[0].Type != "gauge" || found[0].Host != "h" || found[0].Points[0] != [2]float64{5, 1.5} {
		t.Fatalf("%d %+v", response.StatusCode, found)
	}
}

func TestAProbeIsNoRecord(t *testing.T) {
	url := start(t, "")
	for _, path := range []string{"/api/v2/logs", "/api/beta/sketches", "/api/v2/series", "/api/v0.2/traces", "/intake"} {
		if status := send(t, "POST", url+path, "deflate", []byte("{}")); status != http.StatusAccepted {
			t.Fatalf("%s: %d", path, status)
		}
	}
	if kept := ask[map[string]any](t, url+"/recorded/logs"); len(kept) != 0 {
		t.Fatalf("%v", kept)
	}
}

func TestSketches(t *testing.T) {
	payload := gogen.SketchPayload{Sketches: []gogen.SketchPayload_Sketch{{
		Metric: "d", Host: "h", Dogsketches: []gogen.SketchPayload_Sketch_Dogsketch{{Ts: 5, Cnt: 2, Min: 1, Max: 3, Avg: 2, Sum: 4}},
	}}}
	body, err := payload.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	url := start(t, "")
	send(t, "POST", url+"/api/beta/sketches", "zstd", body)
	found := ask[metric](t, url+"/recorded/metrics")
	if len(found) != 1 || found[0].Type != "sketch" || found[0].Sketches[0].Count != 2 || found[0].Points[0] != [2]float64{5, 4} {
		t.Fatalf("%+v", found)
	}
}

func TestSpansOfBothLayouts(t *testing.T) {
	const id = "0102030405060708f1f2f3f4f5f6f7f8"
	raw := []byte{1, 2, 3, 4, 5, 6, 7, 8, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8}
	payload := &trace.AgentPayload{
		TracerPayloads: []*trace.TracerPayload{{Chunks: []*trace.TraceChunk{{Spans: []*trace.Span{
			{TraceID: 0xf1f2f3f4f5f6f7f8, SpanID: 1, Name: "plain", Service: "s", Meta: map[string]string{"_dd.p.tid": "0102030405060708"}},
			{TraceID: 0xf1f2f3f4f5f6f7f8, SpanID: 2, ParentID: 1, Name: "child", Metrics: map[string]float64{"m": 2}},
		}}}}},
		IdxTracerPayloads: []*idx.TracerPayload{{
			Strings: []string{"", "indexed", "key", "value"},
			Chunks: []*idx.TraceChunk{{TraceID: raw, Spans: []*idx.Span{{
				SpanID: 3, NameRef: 1,
				Attributes: map[uint32]*idx.AnyValue{2: {Value: &idx.AnyValue_StringValueRef{StringValueRef: 3}}},
			}}}},
		}},
	}
	body, err := proto.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	url := start(t, "")
	send(t, "POST", url+"/api/v0.2/traces", "gzip", body)
	found := ask[span](t, url+"/recorded/spans?trace_id="+id)
	if len(found) != 3 || found[1].ParentID != "0000000000000001" || found[1].Metrics["m"] != 2 || found[2].Meta["key"] != "value" {
		t.Fatalf("%+v", found)
	}
	for _, one := range found {
		if one.TraceIDLow != "17434265340928784376" {
			t.Fatalf("%+v", one)
		}
	}
}

func TestLogsKeepBigNumbersAndUnpackTheMessage(t *testing.T) {
	url := start(t, "")
	send(t, "POST", url+"/api/v2/logs", "gzip", []byte(`[{"message":"{\"message\":\"m\",\"dd.trace_id\":17434265340928784376}","n":9007199254740993}]`))
	send(t, "POST", url+"/v1/input/k", "", []byte(`{"message":"single {"}`))
	response, err := http.Get(url + "/recorded/logs?contains=dd.trace_id")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{`"n":9007199254740993`, `"attributes":{"dd.trace_id":17434265340928784376`} {
		if !bytes.Contains(text, []byte(wanted)) {
			t.Fatalf("%s not in %s", wanted, text)
		}
	}
	if all := ask[map[string]any](t, url+"/recorded/logs"); len(all) != 2 {
		t.Fatalf("%v", all)
	}
}

func TestLogsByOTLP(t *testing.T) {
	url := start(t, "")
	value := func(text string) *common.AnyValue {
		return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: text}}
	}
	body, err := proto.Marshal(&otlplogs.LogsData{ResourceLogs: []*otlplogs.ResourceLogs{{
		Resource: &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: value("orchestrator-cc")}}},
		ScopeLogs: []*otlplogs.ScopeLogs{{LogRecords: []*otlplogs.LogRecord{{
			Body: value("Agent stopped"), SeverityText: "ERROR",
			Attributes: []*common.KeyValue{{Key: "record_id", Value: value("01J")}},
			TraceId:    []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2}, SpanId: []byte{0, 0, 0, 0, 0, 0, 0, 9},
		}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if status := send(t, "POST", url+"/v1/logs", "gzip", body); status != 202 {
		t.Fatal(status)
	}
	records := ask[map[string]any](t, url+"/recorded/logs?contains=stopped")
	if len(records) != 1 || records[0]["service"] != "orchestrator-cc" || records[0]["status"] != "ERROR" {
		t.Fatalf("%v", records)
	}
	attributes, _ := records[0]["attributes"].(map[string]any)
	if attributes["dd.trace_id"] != "258" || attributes["dd.span_id"] != "9" || attributes["record_id"] != "01J" {
		t.Fatalf("%v", attributes)
	}
}

func TestOutagesKeysAndReset(t *testing.T) {
	url := start(t, "k")
	logs := []byte(`[{"message":"m"}]`)
	send(t, "POST", url+"/control", "", []byte(`{"status": 429, "paths": ["/api/v2/logs"], "times": 1}`))
	for _, wanted := range []int{http.StatusTooManyRequests, http.StatusAccepted} {
		if status := send(t, "POST", url+"/api/v2/logs", "", logs); status != wanted {
			t.Fatalf("%d instead of %d", status, wanted)
		}
	}
	send(t, "POST", url+"/control", "", []byte(`{"status": 500}`))
	if status := send(t, "GET", url+"/api/v1/validate", "", nil); status != http.StatusInternalServerError {
		t.Fatal(status)
	}
	send(t, "POST", url+"/control", "", []byte(`{"status": 200}`))
	if status := send(t, "GET", url+"/api/v1/validate", "", nil); status != http.StatusOK {
		t.Fatal(status)
	}
	if status := send(t, "POST", url+"/api/v2/series", "", []byte("not protobuf")); status != http.StatusBadRequest {
		t.Fatal(status)
	}
	if kept := ask[map[string]any](t, url+"/recorded/logs"); len(kept) != 1 {
		t.Fatalf("a refused record was kept: %v", kept)
	}
	if seen := ask[received](t, url+"/recorded/requests?path=/api/v2/logs"); len(seen) != 2 {
		t.Fatalf("%+v", seen)
	}
	send(t, "DELETE", url+"/recorded", "", nil)
	if kept := ask[received](t, url+"/recorded/requests"); len(kept) != 0 {
		t.Fatalf("%v", kept)
	}
	stranger := start(t, "another")
	if status := send(t, "POST", stranger+"/api/v2/logs", "", logs); status != http.StatusForbidden {
		t.Fatal(status)
	}
}
