package backendsprovider

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, empty := write("key", " 0123456789\n"), write("empty", "\n")
	missing := filepath.Join(folder, "missing")
	own := t.TempDir()
	if err := os.WriteFile(filepath.Join(own, "mine.yaml"), []byte("exporters: {debug/mine: {x: '${env:MINE_KEY}'}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args        string
		environment map[string]string
		set         map[string]string
		wrong       string
	}{
		"without a newline":     {"datadog", map[string]string{"DD_API_KEY_FILE": key}, map[string]string{"DD_API_KEY": "0123456789"}, ""},
		"of two that have it":   {"datadog,elasticsearch", map[string]string{"DD_API_KEY_FILE": key, "ELASTICSEARCH_PASSWORD_FILE": key}, map[string]string{"DD_API_KEY": "0123456789", "ELASTICSEARCH_PASSWORD": "0123456789"}, ""},
		"of one that isn't on":  {"debug", map[string]string{"DD_API_KEY_FILE": missing}, map[string]string{}, ""},
		"of the user's own":     {"mine", map[string]string{"MINE_KEY_FILE": key, dirVariable: own}, map[string]string{"MINE_KEY": "0123456789"}, ""},
		"by the variable":       {"", map[string]string{"BACKENDS": "datadog", "DD_API_KEY_FILE": key}, map[string]string{"DD_API_KEY": "0123456789"}, ""},
		"empty":                 {"datadog", map[string]string{"DD_API_KEY_FILE": empty}, map[string]string{}, ""},
		"set to the same":       {"datadog", map[string]string{"DD_API_KEY_FILE": key, "DD_API_KEY": "0123456789"}, map[string]string{}, ""},
		"set to something else": {"datadog", map[string]string{"DD_API_KEY_FILE": key, "DD_API_KEY": "secret"}, nil, "backend datadog: DD_API_KEY and DD_API_KEY_FILE are both set: only one of them may be"},
		"missing":               {"datadog", map[string]string{"DD_API_KEY_FILE": missing}, nil, "backend datadog: DD_API_KEY_FILE: open " + missing + ": no such file or directory"},
		"an unknown backend":    {"nobody", map[string]string{"DD_API_KEY_FILE": missing}, map[string]string{}, ""},
	} {
		made := map[string]string{}
		lookup := func(name string) (string, bool) {
			if value, found := made[name]; found {
				return value, true
			}
			value, found := test.environment[name]
			return value, found
		}
		set := func(name, value string) error { made[name] = value; return nil }
		err := ReadFiles([]string{"validate", "--config=backends:" + test.args, "--config", "file:x.yaml"}, lookup, set)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if said != test.wrong || !maps.Equal(made, test.set) {
			t.Errorf("%s: set %v, said %q", name, made, said)
		}
	}
}

func TestAnEmptyFileLeavesItUnset(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	lookup := environment(map[string]string{"DD_API_KEY_FILE": file})
	args := []string{"--config=backends:datadog"}
	if err := ReadFiles(args, lookup, func(name, value string) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := Preflight(args, lookup); err == nil || !strings.Contains(err.Error(), "backend datadog needs DD_API_KEY") {
		t.Errorf("said %v", err)
	}
}
