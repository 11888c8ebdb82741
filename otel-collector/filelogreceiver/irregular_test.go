//go:build unix

package filelogreceiver

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestWhatIsNoFileIsPassedOver(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"file.jsonl", "other[1].jsonl", "pipe[1]x.jsonl"} {
		if err := os.WriteFile(path(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Mkdir(path("folder.jsonl"), 0o700),
		syscall.Mkfifo(path("pipe[1].jsonl"), 0o600),
		os.Symlink(path("pipe[1].jsonl"), path("to_pipe.jsonl")),
		os.Symlink(path("file.jsonl"), path("to_file.jsonl")),
		os.Symlink(path("nothing"), path("to_nothing.jsonl")),
		os.Symlink("/dev/zero", path("device.jsonl")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	found := irregular([]string{path("*.jsonl"), path("p*"), path("[")})
	if expected := []string{path("device.jsonl"), path("pipe[1].jsonl"), path("to_pipe.jsonl")}; !slices.Equal(found, expected) {
		t.Fatal(found)
	}
	for _, name := range []string{"file.jsonl", "other[1].jsonl", "pipe[1]x.jsonl", "pipe1.jsonl"} {
		for _, one := range found {
			if doublestar.PathMatchUnvalidated(literally(one), path(name)) {
				t.Errorf("%s is passed over for %s", name, one)
			}
		}
	}
	for _, one := range found {
		if !doublestar.PathMatchUnvalidated(literally(one), one) {
			t.Errorf("%s isn't passed over", one)
		}
	}
}

func TestItIsSaidOfEachAndTheConfigurationStaysAsItWas(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.jsonl")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	core, said := observer.New(zap.WarnLevel)
	made := NewFactory()
	set := receivertest.NewNopSettings(made.Type())
	set.Logger = zap.New(core)
	cfg := made.CreateDefaultConfig().(*contrib.FileLogConfig)
	cfg.InputConfig.Include = []string{pipe}
	if _, err := made.CreateLogs(context.Background(), set, cfg, consumertest.NewNop()); err != nil {
		t.Fatal(err)
	}
	if len(cfg.InputConfig.Exclude) != 0 || said.Len() != 1 || said.All()[0].ContextMap()["path"] != pipe {
		t.Errorf("%v %v", cfg.InputConfig.Exclude, said.All())
	}
}
