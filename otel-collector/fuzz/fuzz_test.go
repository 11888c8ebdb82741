package fuzz

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

var (
	signals   = []string{"logs", "metrics", "traces"}
	types     = []string{"application/x-protobuf", "application/json"}
	encodings = []string{"", "gzip", "zlib", "snappy", "zstd", "lz4", "deflate", "x-snappy-framed"}
	methods   = []string{
		"/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
		"/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	}
)

// fill puts every kind of value into a map, and texts that the redaction looks at twice.
func fill(into pcommon.Map) {
	into.PutStr("text", "Authorization: Bearer abcdefghijklmnopqrstuvwx https://user:hunter2@host/ \x00\xff")
	into.PutInt("number", -1)
	into.PutDouble("fraction", 1e308)
	into.PutBool("truth", true)
	into.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	nested := into.PutEmptyMap("map")
	nested.PutStr("password", "hunter2")
	nested.PutEmptySlice("list").AppendEmpty().SetStr("item")
}

// valid are sound requests of each signal, first as protobuf, then as JSON.
func valid() ([3][2][]byte, error) {
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr("api_key=0123456789abcdef")
	fill(record.Attributes())
	fill(logs.ResourceLogs().At(0).Resource().Attributes())
	metrics := pmetric.NewMetrics()
	list := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	fill(list.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().Attributes())
	fill(list.AppendEmpty().SetEmptySum().DataPoints().AppendEmpty().Exemplars().AppendEmpty().FilteredAttributes())
	list.AppendEmpty().SetEmptyHistogram().DataPoints().AppendEmpty().BucketCounts().FromRaw([]uint64{1, 2})
	list.AppendEmpty().SetEmptyExponentialHistogram().DataPoints().AppendEmpty().Positive().BucketCounts().FromRaw([]uint64{1})
	list.AppendEmpty().SetEmptySummary().DataPoints().AppendEmpty().QuantileValues().AppendEmpty().SetQuantile(1)
	traces := ptrace.NewTraces()
	span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName("GET /?token=hunter2")
	fill(span.Events().AppendEmpty().Attributes())
	fill(span.Links().AppendEmpty().Attributes())

	var made [3][2][]byte
	for i, request := range []interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}{
		plogotlp.NewExportRequestFromLogs(logs), pmetricotlp.NewExportRequestFromMetrics(metrics), ptraceotlp.NewExportRequestFromTraces(traces),
	} {
		var err error
		if made[i][0], err = request.MarshalProto(); err != nil {
			return made, err
		}
		if made[i][1], err = request.MarshalJSON(); err != nil {
			return made, err
		}
	}
	return made, nil
}

// packed compresses where it knows how, so that what the fuzzer makes is seen behind the decompression too.
func packed(body []byte, encoding string) []byte {
	var out bytes.Buffer
	var writer io.WriteCloser
	switch encoding {
	case "gzip":
		writer = gzip.NewWriter(&out)
	case "zlib", "deflate":
		writer = zlib.NewWriter(&out)
	case "x-snappy-framed":
		writer = snappy.NewBufferedWriter(&out)
	case "zstd":
		writer, _ = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	case "snappy":
		return snappy.Encode(nil, body)
	default:
		return body
	}
	_, _ = writer.Write(body)
	_ = writer.Close()
	return out.Bytes()
}

// FuzzOTLPHTTP: whatever a body is, the answer is a status of OTLP's; a panic would end the connection without one.
func FuzzOTLPHTTP(f *testing.F) {
	sound, err := valid()
	if err != nil {
		f.Fatal(err)
	}
	for signal := range signals {
		for kind := range types {
			for encoding, name := range encodings {
				f.Add(sound[signal][kind], uint8(signal), uint8(kind), uint8(encoding), true)
				f.Add(packed(sound[signal][kind], name), uint8(signal), uint8(kind), uint8(encoding), false)
			}
		}
	}
	client := &http.Client{}
	f.Fuzz(func(t *testing.T, body []byte, signal, kind, encoding uint8, pack bool) {
		as := int(encoding) % len(encodings)
		if pack {
			body = packed(body, encodings[as])
		}
		throw(t, client, body, int(signal)%len(signals), int(kind)%len(types), as)
	})
}

// throw sends a body, and fails where the answer isn't one.
func throw(t *testing.T, client *http.Client, body []byte, signal, kind, encoding int) {
	t.Helper()
	url := receiving(t).http + "/v1/" + signals[signal]
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", types[kind])
	if encodings[encoding] != "" {
		request.Header.Set("Content-Encoding", encodings[encoding])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(response.Body)
	switch response.StatusCode {
	case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable:
	default:
		t.Errorf("status %d: %s", response.StatusCode, said)
	}
}

// TestBrokenJSON: what no repetition makes right is refused for good, also where the receiver can't repeat a part of it.
func TestBrokenJSON(t *testing.T) {
	to := receiving(t).http
	for _, body := range []string{"", "{", "\xff", "{\"\xff\xfe\": ", `{"resourceLogs": "かなかなかなかなかなかな"}`, `{"resourceLogs": "xかなかなかなかなかなかな`} {
		response, err := http.Post(to+"/v1/logs", "application/json; charset=utf-8", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		var status struct {
			Code    codes.Code
			Message string
		}
		if err := json.Unmarshal(said, &status); err != nil || status.Code != codes.InvalidArgument || status.Message == "" {
			t.Errorf("%q: %s", body, said)
		}
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %d", body, response.StatusCode)
		}
	}
}

// TestMangled is the fuzzer's idea without its instruments, which take minutes to build: the same bodies each time.
func TestMangled(t *testing.T) {
	sound, err := valid()
	if err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(1, 2))
	client := &http.Client{}
	for range 3000 {
		signal, kind, encoding := dice.IntN(len(signals)), dice.IntN(len(types)), dice.IntN(len(encodings))
		body := mangled(dice, sound[signal][kind])
		if dice.IntN(2) == 0 {
			body = packed(body, encodings[encoding])
		} else {
			body = mangled(dice, packed(sound[signal][kind], encodings[encoding]))
		}
		throw(t, client, body, signal, kind, encoding)
	}
}

// mangled has bytes changed, cut out and doubled.
func mangled(dice *rand.Rand, body []byte) []byte {
	body = bytes.Clone(body)
	for range 1 + dice.IntN(6) {
		if len(body) == 0 {
			return body
		}
		at := dice.IntN(len(body))
		end := at + dice.IntN(min(16, len(body)-at)+1)
		switch dice.IntN(4) {
		case 0:
			body[at] = byte(dice.Uint32())
		case 1:
			body[at] = []byte{0, 0x7f, 0x80, 0xff}[dice.IntN(4)]
		case 2:
			body = slices.Delete(body, at, end)
		default:
			body = slices.Insert(body, at, body[at:end]...)
		}
	}
	return body
}

// raw hands bytes on as they are, under the name of protobuf.
type raw struct{}

func (raw) Marshal(value any) ([]byte, error)      { return value.([]byte), nil }
func (raw) Unmarshal(data []byte, value any) error { *value.(*[]byte) = bytes.Clone(data); return nil }
func (raw) Name() string                           { return "proto" }

var connected = sync.OnceValues(func() (*grpc.ClientConn, error) {
	to, err := running()
	if err != nil {
		return nil, err
	}
	return grpc.NewClient(to.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
})

// FuzzOTLPgRPC: whatever a message is, the connection outlives it; a panic would end this process.
func FuzzOTLPgRPC(f *testing.F) {
	sound, err := valid()
	if err != nil {
		f.Fatal(err)
	}
	for signal := range signals {
		for _, compressed := range []bool{false, true} {
			f.Add(sound[signal][0], uint8(signal), compressed)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, signal uint8, compressed bool) {
		to, err := connected()
		if err != nil {
			t.Fatal(err)
		}
		options := []grpc.CallOption{grpc.ForceCodec(raw{}), grpc.MaxCallSendMsgSize(1 << 30)}
		if compressed {
			options = append(options, grpc.UseCompressor("gzip"))
		}
		var answer []byte
		err = to.Invoke(context.Background(), methods[int(signal)%len(methods)], body, &answer, options...)
		if code := status.Code(err); code == codes.Unavailable || code == codes.Unknown {
			t.Fatal(err)
		}
	})
}
