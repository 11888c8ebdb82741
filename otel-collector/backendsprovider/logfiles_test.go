package backendsprovider

import (
	"reflect"
	"strings"
	"testing"
)

func TestLogFiles(t *testing.T) {
	conf, err := Load("debug", environment(map[string]string{logFilesVariable: "/var/log/a/*.jsonl , /b"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := conf.Get("receivers::file_log::include"); !reflect.DeepEqual(got, []any{"/var/log/a/*.jsonl", "/b"}) {
		t.Errorf("include: %v", got)
	}
	if !conf.IsSet("service::pipelines::logs/files") || !conf.IsSet("receivers::otlp") {
		t.Error("the files' records have no pipeline, or OTLP is gone")
	}
	if conf, err = Load("debug", environment(nil)); err != nil || conf.IsSet("receivers::file_log") {
		t.Error("files are read that nobody named", err)
	}
}

func TestLogFilesThatCantBe(t *testing.T) {
	for value, wrong := range map[string]string{
		"log/*.jsonl": `has "log/*.jsonl", which isn't an absolute path`,
		"/a,":         "has an empty entry",
		" ":           "has an empty entry",
		"/{a,b}":      `has "/{a", whose brackets or braces don't close`,
	} {
		_, err := Load("debug", environment(map[string]string{logFilesVariable: value}))
		if err == nil || !strings.Contains(err.Error(), logFilesVariable) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
