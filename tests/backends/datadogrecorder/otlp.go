package main

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strconv"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
)

// decodeOTLPLogs takes a request of OTLP logs (the message LogsData has the same form). A record is shown as those of the
// other intake are; "attributes" has the record's own and those of its resource, and the ids under which Datadog says
// that it joins logs and traces: dd.trace_id and dd.span_id, decimal, of the lower 64 bits.
func decodeOTLPLogs(body []byte) ([]map[string]any, error) {
	var sent logs.LogsData
	if err := proto.Unmarshal(body, &sent); err != nil {
		return nil, err
	}
	var records []map[string]any
	for _, resource := range sent.ResourceLogs {
		shared := map[string]any{}
		collect(shared, resource.GetResource().GetAttributes())
		for _, scope := range resource.ScopeLogs {
			for _, record := range scope.LogRecords {
				records = append(records, shownOTLP(record, shared))
			}
		}
	}
	return records, nil
}

func shownOTLP(record *logs.LogRecord, shared map[string]any) map[string]any {
	attributes := map[string]any{}
	for name, value := range shared {
		attributes[name] = value
	}
	collect(attributes, record.Attributes)
	if len(record.TraceId) == 16 {
		attributes["otel.trace_id"] = hex.EncodeToString(record.TraceId)
		attributes["dd.trace_id"] = decimal(record.TraceId[8:])
	}
	if len(record.SpanId) == 8 {
		attributes["otel.span_id"] = hex.EncodeToString(record.SpanId)
		attributes["dd.span_id"] = decimal(record.SpanId)
	}
	return map[string]any{
		"message": text(record.Body), "status": record.SeverityText, "service": shared["service.name"],
		"hostname": shared["host.name"], "attributes": attributes,
	}
}

func decimal(id []byte) string { return new(big.Int).SetBytes(id).String() }

func collect(into map[string]any, values []*common.KeyValue) {
	for _, one := range values {
		into[one.Key] = plain(one.Value)
	}
}

func text(value *common.AnyValue) string {
	if said, ok := plain(value).(string); ok {
		return said
	}
	said, _ := json.Marshal(plain(value))
	return string(said)
}

func plain(value *common.AnyValue) any {
	switch value := value.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return value.StringValue
	case *common.AnyValue_BoolValue:
		return value.BoolValue
	case *common.AnyValue_IntValue:
		return json.Number(strconv.FormatInt(value.IntValue, 10))
	case *common.AnyValue_DoubleValue:
		return value.DoubleValue
	case *common.AnyValue_BytesValue:
		return value.BytesValue
	case *common.AnyValue_ArrayValue:
		all := []any{}
		for _, one := range value.ArrayValue.Values {
			all = append(all, plain(one))
		}
		return all
	case *common.AnyValue_KvlistValue:
		all := map[string]any{}
		collect(all, value.KvlistValue.Values)
		return all
	}
	return nil
}
