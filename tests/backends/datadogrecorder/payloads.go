package main

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/DataDog/agent-payload/v5/gogen"
)

// metric is one series (type count, rate or gauge) or one sketch (type sketch, whose points hold the sums).
type metric struct {
	Name     string       `json:"name"`
	Type     string       `json:"type"`
	Host     string       `json:"host"`
	Unit     string       `json:"unit,omitempty"`
	Tags     []string     `json:"tags"`
	Points   [][2]float64 `json:"points"`
	Interval int64        `json:"interval"`
	Sketches []sketch     `json:"sketches,omitempty"`
}

type sketch struct {
	Timestamp int64   `json:"ts"`
	Count     int64   `json:"count"`
	Min       float64 `json:"min"`
	Max       float64 `json:"max"`
	Avg       float64 `json:"avg"`
	Sum       float64 `json:"sum"`
}

func decodeSeries(body []byte) ([]metric, error) {
	var payload gogen.MetricPayload
	if err := payload.Unmarshal(body); err != nil {
		return nil, err
	}
	return fromSeries(payload), nil
}

// decodeJSONSeries takes the same in JSON, as the exporter sends what it says about itself.
func decodeJSONSeries(body []byte) ([]metric, error) {
	var payload gogen.MetricPayload
	if err := json.Unmarshal(body, &payload); err != nil {
		return nil, err
	}
	return fromSeries(payload), nil
}

func fromSeries(payload gogen.MetricPayload) []metric {
	metrics := make([]metric, 0, len(payload.Series))
	for _, series := range payload.Series {
		decoded := metric{
			Name: series.Metric, Type: strings.ToLower(series.Type.String()), Unit: series.Unit,
			Tags: nonNil(series.Tags), Points: [][2]float64{}, Interval: series.Interval,
		}
		for _, resource := range series.Resources {
			if resource.Type == "host" {
				decoded.Host = resource.Name
			}
		}
		for _, point := range series.Points {
			decoded.Points = append(decoded.Points, [2]float64{float64(point.Timestamp), point.Value})
		}
		metrics = append(metrics, decoded)
	}
	return metrics
}

func decodeSketches(body []byte) ([]metric, error) {
	var payload gogen.SketchPayload
	if err := payload.Unmarshal(body); err != nil {
		return nil, err
	}
	metrics := make([]metric, 0, len(payload.Sketches))
	for _, series := range payload.Sketches {
		decoded := metric{
			Name: series.Metric, Type: "sketch", Host: series.Host, Tags: nonNil(series.Tags), Points: [][2]float64{},
		}
		for _, point := range series.Dogsketches {
			decoded.Points = append(decoded.Points, [2]float64{float64(point.Ts), point.Sum})
			decoded.Sketches = append(decoded.Sketches, sketch{
				Timestamp: point.Ts, Count: point.Cnt, Min: point.Min, Max: point.Max, Avg: point.Avg, Sum: point.Sum,
			})
		}
		metrics = append(metrics, decoded)
	}
	return metrics, nil
}

// decodeLogs takes an array of records or a single one. Each is kept as it was sent; "attributes" is added: what its
// message holds where that is a JSON object in a string, as the exporter sends it and Datadog unpacks it.
func decodeLogs(body []byte) ([]map[string]any, error) {
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '{' {
		body = append(append([]byte{'['}, trimmed...), ']')
	}
	var records []map[string]any
	if err := decodeJSON(body, &records); err != nil {
		return nil, err
	}
	for _, record := range records {
		attributes := map[string]any{}
		if message, ok := record["message"].(string); ok && strings.HasPrefix(message, "{") {
			if err := decodeJSON([]byte(message), &attributes); err != nil {
				attributes = map[string]any{}
			}
		}
		record["attributes"] = attributes
	}
	return records, nil
}

// decodeJSON keeps numbers as they were written: a 64-bit id doesn't survive a float.
func decodeJSON(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return decoder.Decode(into)
}

func nonNil(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}
