package redactionprocessor

import (
	"context"
	"os"
	"regexp"
	"strings"
	"testing"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
	"gopkg.in/yaml.v3"
)

// The configuration that everybody gets.
func configured(t testing.TB) *Config {
	text, err := os.ReadFile("../config/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Processors struct {
			Redaction struct {
				Keys   []string `yaml:"blocked_key_patterns"`
				Values []string `yaml:"blocked_values"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(text), "$$", "$")), &file); err != nil {
		t.Fatal(err)
	}
	redaction := file.Processors.Redaction
	return &Config{AllowAllKeys: true, BlockedKeyPatterns: redaction.Keys, BlockedValues: redaction.Values}
}

func masking(t testing.TB) *masker {
	made, err := newMasker(configured(t))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

const secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

// fill puts the secret wherever a map can have it.
func fill(attributes pcommon.Map) {
	attributes.PutStr("text", "it is "+secret)
	attributes.PutStr("db_password", "hunter2")
	attributes.PutInt("api_key", 12345)
	attributes.PutStr("name "+secret, "x")
	attributes.PutEmptyBytes("bytes").FromRaw([]byte(secret))
	inner := attributes.PutEmptySlice("list").AppendEmpty().SetEmptyMap()
	inner.PutStr("deep", secret)
	inner.PutEmptyMap("password").PutStr("x", "hunter2")
	inner.PutEmptySlice("more").AppendEmpty().SetStr("password=hunter2")
}

func hidden(t *testing.T, text []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []string{"ghp_", "hunter2", "12345", "Z2hwX"} { // the last is Base64
		if strings.Contains(string(text), piece) {
			t.Errorf("%q is still there", piece)
		}
	}
	if !strings.Contains(string(text), "kept") {
		t.Error("what is no secret is gone")
	}
}

func TestEveryPlaceInLogs(t *testing.T) {
	sink := new(consumertest.LogsSink)
	made, err := createLogs(context.Background(), processortest.NewNopSettings(NewFactory().Type()), configured(t), sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	data := plog.NewLogs()
	resource := data.ResourceLogs().AppendEmpty()
	resource.SetSchemaUrl("https://" + secret)
	fill(resource.Resource().Attributes())
	scope := resource.ScopeLogs().AppendEmpty()
	scope.SetSchemaUrl("https://" + secret)
	scope.Scope().SetName(secret)
	scope.Scope().SetVersion(secret)
	fill(scope.Scope().Attributes())
	for range 2 {
		record := scope.LogRecords().AppendEmpty()
		fill(record.Attributes())
		fill(record.Body().SetEmptyMap())
		record.SetEventName("kept." + secret)
		record.SetSeverityText(secret)
	}
	scope.LogRecords().AppendEmpty().Body().SetStr("kept " + secret)
	scope.LogRecords().AppendEmpty().Body().SetEmptySlice().AppendEmpty().SetStr(secret)
	if err := made.ConsumeLogs(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(sink.AllLogs()[0])
	hidden(t, text, err)
}

func TestEveryPlaceInTraces(t *testing.T) {
	data := ptrace.NewTraces()
	resource := data.ResourceSpans().AppendEmpty()
	resource.SetSchemaUrl(secret)
	fill(resource.Resource().Attributes())
	scope := resource.ScopeSpans().AppendEmpty()
	fill(scope.Scope().Attributes())
	span := scope.Spans().AppendEmpty()
	span.SetName("kept " + secret)
	span.Status().SetMessage("password=hunter2")
	span.TraceState().FromRaw("a=" + secret)
	fill(span.Attributes())
	event := span.Events().AppendEmpty()
	event.SetName(secret)
	fill(event.Attributes())
	link := span.Links().AppendEmpty()
	link.TraceState().FromRaw("a=" + secret)
	fill(link.Attributes())
	if _, err := masking(t).traces(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(data)
	hidden(t, text, err)
}

func TestEveryPlaceInMetrics(t *testing.T) {
	data := pmetric.NewMetrics()
	resource := data.ResourceMetrics().AppendEmpty()
	fill(resource.Resource().Attributes())
	scope := resource.ScopeMetrics().AppendEmpty()
	fill(scope.Scope().Attributes())
	for kind := range 6 {
		metric := scope.Metrics().AppendEmpty()
		metric.SetName("kept." + secret)
		metric.SetDescription(secret)
		metric.SetUnit(secret)
		fill(metric.Metadata())
		switch kind {
		case 0:
			point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
			fill(point.Attributes())
			fill(point.Exemplars().AppendEmpty().FilteredAttributes())
		case 1:
			point := metric.SetEmptySum().DataPoints().AppendEmpty()
			fill(point.Attributes())
			fill(point.Exemplars().AppendEmpty().FilteredAttributes())
		case 2:
			point := metric.SetEmptyHistogram().DataPoints().AppendEmpty()
			fill(point.Attributes())
			fill(point.Exemplars().AppendEmpty().FilteredAttributes())
		case 3:
			point := metric.SetEmptyExponentialHistogram().DataPoints().AppendEmpty()
			fill(point.Attributes())
			fill(point.Exemplars().AppendEmpty().FilteredAttributes())
		case 4:
			fill(metric.SetEmptySummary().DataPoints().AppendEmpty().Attributes())
		}
	}
	if _, err := masking(t).metrics(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(data)
	hidden(t, text, err)
}

func TestAttributesThatAreNotAllowedAreDropped(t *testing.T) {
	made, err := newMasker(&Config{AllowedKeys: []string{"kept"}})
	if err != nil {
		t.Fatal(err)
	}
	attributes := pcommon.NewMap()
	attributes.PutStr("kept", "x")
	attributes.PutStr("other", "x")
	made.attributes(attributes)
	if _, kept := attributes.Get("kept"); !kept || attributes.Len() != 1 {
		t.Errorf("%v", attributes.AsRaw())
	}
}

func TestTwoNamesThatBecomeOneStayTwo(t *testing.T) {
	attributes := pcommon.NewMap()
	attributes.PutStr(secret, "x")
	attributes.PutStr("x"[:0]+strings.ToLower(secret), "y")
	masking(t).attributes(attributes)
	if attributes.Len() != 2 {
		t.Errorf("%v", attributes.AsRaw())
	}
}

func TestWhatIsNotSupportedIsRefused(t *testing.T) {
	for _, wrong := range []*Config{{Summary: "debug"}, {BlockedValues: []string{"("}}, {BlockedKeyPatterns: []string{"("}}} {
		if wrong.Validate() == nil {
			t.Errorf("%+v is accepted", wrong)
		}
	}
	if err := configured(t).Validate(); err != nil {
		t.Error(err)
	}
}

// In every text the search for beginnings finds what one pattern after the other would.
func FuzzSearchIsOnePatternAfterTheOther(f *testing.F) {
	cfg := configured(f)
	var patterns []*regexp.Regexp
	for _, text := range cfg.BlockedValues {
		patterns = append(patterns, regexp.MustCompile(text))
	}
	made := masking(f)
	pieces := []string{secret, "password: hunter2", "\\nsk-0123456789abcdefghijABCD", "_ort_0123456789abcdefghijklm", "://a:b@c",
		"-----BEGIN PRIVATE KEY-----\nabc", strings.Repeat("Ab1+", 16), "Cookie: a=b", "--token abc", "K", "5b8efff798038103d269b633813fc60c"}
	for _, first := range pieces {
		for _, second := range pieces {
			f.Add(first + " " + second)
			f.Add(first + "\n" + second)
			f.Add(first + second)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := text
		for _, pattern := range patterns {
			shown := mask
			if pattern.NumSubexp() > 0 {
				shown = "$1" + mask
			}
			want = pattern.ReplaceAllString(want, shown)
		}
		if got := made.values.replaceLines(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestFewPatternsAreAlwaysTried(t *testing.T) {
	made := masking(t)
	for number, pattern := range made.values.patterns {
		if made.values.always[number/64]&(1<<(number%64)) != 0 && !strings.HasPrefix(pattern.String(), "^") {
			t.Errorf("no literal begins %.40q", pattern)
		}
	}
}

// The same configuration in the stock distribution: what its processor looks at is masked there, too.
func TestTheContribProcessorTakesTheSameSettings(t *testing.T) {
	sink := new(consumertest.LogsSink)
	made := contribLogs(t, sink)
	data := plog.NewLogs()
	scope := data.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for _, text := range []string{"kept " + secret, "password: hunter2", "https://u:hunter2@h/"} {
		record := scope.LogRecords().AppendEmpty()
		record.Body().SetStr(text)
		record.Attributes().PutStr("note", text)
		record.Attributes().PutStr("db_password", "hunter2")
		record.Attributes().PutEmptyMap("map").PutStr("password", "hunter2")
		record.Attributes().PutEmptySlice("list").AppendEmpty().SetStr(text)
		scope.LogRecords().AppendEmpty().Body().SetEmptyMap().PutEmptyMap("deep").PutStr("text", text)
	}
	if err := made.ConsumeLogs(context.Background(), data); err != nil {
		t.Fatal(err)
	}
	text, err := (&plog.JSONMarshaler{}).MarshalLogs(sink.AllLogs()[0])
	hidden(t, text, err)
}

func contribLogs(t testing.TB, next consumer.Logs) processor.Logs {
	factory := contrib.NewFactory()
	cfg := factory.CreateDefaultConfig().(*contrib.Config)
	ours := configured(t)
	cfg.AllowAllKeys, cfg.RedactAllTypes, cfg.Summary = true, true, "silent"
	cfg.BlockedKeyPatterns, cfg.BlockedValues = ours.BlockedKeyPatterns, ours.BlockedValues
	made, err := factory.CreateLogs(context.Background(), processortest.NewNopSettings(factory.Type()), cfg, next)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func withoutSecrets() plog.Logs {
	data := plog.NewLogs()
	record := data.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.Body().SetStr(strings.Repeat("3 passed, 1 failed in 0.42s; trace_id=5b8efff798038103d269b633813fc60c. ", 4))
	for _, name := range []string{"agent_name", "cluster", "state", "record_id", "pane_index"} {
		record.Attributes().PutStr(name, "01J0000000000000000000000A")
	}
	return data
}

func BenchmarkOurs(b *testing.B) {
	made, data := masking(b), withoutSecrets()
	for b.Loop() {
		_, _ = made.logs(context.Background(), data)
	}
}

func BenchmarkContrib(b *testing.B) {
	made, data := contribLogs(b, consumertest.NewNop()), withoutSecrets()
	for b.Loop() {
		_ = made.ConsumeLogs(context.Background(), data)
	}
}
