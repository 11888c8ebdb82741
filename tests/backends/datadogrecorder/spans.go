package main

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace"
	"github.com/DataDog/datadog-agent/pkg/proto/pbgo/trace/idx"
	"google.golang.org/protobuf/proto"
)

// span is one span of either of the two layouts that a trace payload may have. Ids are strings: JSON numbers lose them.
type span struct {
	TraceID    string             `json:"trace_id"`         // 32 hex digits; the upper half 0 where it wasn't sent
	TraceIDLow string             `json:"trace_id_decimal"` // the lower 64 bits, as Datadog shows them
	SpanID     string             `json:"span_id"`          // 16 hex digits
	ParentID   string             `json:"parent_id"`
	Service    string             `json:"service"`
	Name       string             `json:"name"`
	Resource   string             `json:"resource"`
	Type       string             `json:"type"`
	Start      int64              `json:"start"`
	Duration   int64              `json:"duration"`
	Error      bool               `json:"error"`
	Meta       map[string]string  `json:"meta"`
	Metrics    map[string]float64 `json:"metrics"`
	Links      []string           `json:"links"` // trace id-span id, as in the spans
}

func decodeSpans(body []byte) ([]span, error) {
	var payload trace.AgentPayload
	if err := proto.Unmarshal(body, &payload); err != nil {
		return nil, err
	}
	spans := []span{}
	for _, tracer := range payload.TracerPayloads {
		for _, chunk := range tracer.Chunks {
			high := upperHalf(chunk)
			for _, sent := range chunk.Spans {
				spans = append(spans, plainSpan(sent, high))
			}
		}
	}
	for _, tracer := range payload.IdxTracerPayloads {
		for _, chunk := range tracer.Chunks {
			for _, sent := range chunk.Spans {
				spans = append(spans, indexedSpan(sent, chunk, tracer.Strings))
			}
		}
	}
	return spans, nil
}

// upperHalf finds the upper 64 bits of a chunk's trace id: only one of its spans need carry them.
func upperHalf(chunk *trace.TraceChunk) string {
	if high, ok := chunk.Tags["_dd.p.tid"]; ok {
		return high
	}
	for _, sent := range chunk.Spans {
		if high, ok := sent.Meta["_dd.p.tid"]; ok {
			return high
		}
	}
	return ""
}

func plainSpan(sent *trace.Span, high string) span {
	// the exporter also keeps the whole id where it came from OTLP
	id := sent.Meta["otel.trace_id"]
	if id == "" {
		id = fmt.Sprintf("%016s%016x", high, sent.TraceID)
	}
	decoded := span{
		TraceID: id, TraceIDLow: strconv.FormatUint(sent.TraceID, 10), SpanID: hexID(sent.SpanID), ParentID: hexID(sent.ParentID),
		Service: sent.Service, Name: sent.Name, Resource: sent.Resource, Type: sent.Type, Start: sent.Start,
		Duration: sent.Duration, Error: sent.Error != 0, Meta: sent.Meta, Metrics: sent.Metrics, Links: []string{},
	}
	for _, link := range sent.SpanLinks {
		decoded.Links = append(decoded.Links, fmt.Sprintf("%016x%016x-%016x", link.TraceIDHigh, link.TraceID, link.SpanID))
	}
	return decoded
}

func indexedSpan(sent *idx.Span, chunk *idx.TraceChunk, table []string) span {
	text := func(ref uint32) string {
		if int(ref) < len(table) {
			return table[ref]
		}
		return ""
	}
	id := hex.EncodeToString(chunk.TraceID)
	id = strings.Repeat("0", max(0, 32-len(id))) + id
	low, _ := strconv.ParseUint(id[16:], 16, 64)
	decoded := span{
		TraceID: id, TraceIDLow: strconv.FormatUint(low, 10), SpanID: hexID(sent.SpanID), ParentID: hexID(sent.ParentID),
		Service: text(sent.ServiceRef), Name: text(sent.NameRef), Resource: text(sent.ResourceRef), Type: text(sent.TypeRef),
		Start: int64(sent.Start), Duration: int64(sent.Duration), Error: sent.Error,
		Meta: map[string]string{}, Metrics: map[string]float64{}, Links: []string{},
	}
	for key, value := range sent.Attributes {
		switch kind := value.Value.(type) {
		case *idx.AnyValue_StringValueRef:
			decoded.Meta[text(key)] = text(kind.StringValueRef)
		case *idx.AnyValue_BoolValue:
			decoded.Meta[text(key)] = strconv.FormatBool(kind.BoolValue)
		case *idx.AnyValue_DoubleValue:
			decoded.Metrics[text(key)] = kind.DoubleValue
		case *idx.AnyValue_IntValue:
			decoded.Metrics[text(key)] = float64(kind.IntValue)
		default:
			decoded.Meta[text(key)] = value.String()
		}
	}
	for _, link := range sent.Links {
		decoded.Links = append(decoded.Links, fmt.Sprintf("%x-%016x", link.TraceID, link.SpanID))
	}
	return decoded
}

func hexID(id uint64) string { return fmt.Sprintf("%016x", id) }
