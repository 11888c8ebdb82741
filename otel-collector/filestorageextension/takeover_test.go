package filestorageextension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"orchestrator-telemetry/otel-collector/filestorageextension/journal"
)

var (
	queueOf = component.MustNewIDWithName("otlp_http", "loki")
	ctx     = context.Background()
)

const (
	values = 60
	file   = "exporter_otlp_http_loki_logs"
)

// clientOf is what an exporter gets of the extension that a factory makes, with its files in this folder.
func clientOf(t *testing.T, factory extension.Factory, folder string) storage.Client {
	t.Helper()
	cfg := factory.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory, cfg.FSync, cfg.Compaction.Directory = folder, true, folder
	made, err := factory.Create(ctx, extensiontest.NewNopSettings(factory.Type()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if c, ours := made.(*checked); ours {
		c.sound = inProcess
	}
	if err := made.Start(ctx, componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	client, err := made.(storage.Extension).GetClient(ctx, component.KindExporter, queueOf, "logs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(ctx) })
	return client
}

func older() extension.Factory { return filestorage.NewFactory() }

func value(number int) []byte { return bytes.Repeat([]byte{byte(number)}, 100_000) }

func fill(t *testing.T, client storage.Client) {
	t.Helper()
	for number := range values {
		if err := client.Batch(ctx, storage.SetOperation("qmv0", []byte("state")), storage.SetOperation(fmt.Sprint(number), value(number))); err != nil {
			t.Fatal(err)
		}
	}
}

func expectFilled(t *testing.T, client storage.Client) {
	t.Helper()
	for number := range values {
		if found, err := client.Get(ctx, fmt.Sprint(number)); err != nil || !bytes.Equal(found, value(number)) {
			t.Fatalf("%d: %d bytes, %v", number, len(found), err)
		}
	}
	if state, err := client.Get(ctx, "qmv0"); err != nil || string(state) != "state" {
		t.Fatalf("%q, %v", state, err)
	}
}

func closed(t *testing.T, client storage.Client) {
	t.Helper()
	if err := client.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderVersionsQueueIsTakenOverOnce(t *testing.T) {
	folder := t.TempDir()
	old := clientOf(t, older(), folder)
	fill(t, old)
	closed(t, old)
	ours := clientOf(t, NewFactory(), folder)
	expectFilled(t, ours)
	if err := ours.Delete(ctx, "0"); err != nil {
		t.Fatal(err)
	}
	closed(t, ours)
	again := clientOf(t, NewFactory(), folder)
	if back, err := again.Get(ctx, "0"); err != nil || back != nil {
		t.Fatal("what was deleted came back from the older version's file", err)
	}
	closed(t, again)
	if left, err := clientOf(t, older(), folder).Get(ctx, "1"); err != nil || left != nil {
		t.Fatal("it is in both", err)
	}
}

func TestATakeoverThatWasEndedBeginsAnew(t *testing.T) {
	folder := t.TempDir()
	old := clientOf(t, older(), folder)
	fill(t, old)
	closed(t, old)
	half := filepath.Join(folder, file+journalMark+incomingMark)
	part, _, err := journal.Open(half, journal.Options{Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(part.Set(ctx, "1000", nil), part.Close(ctx)); err != nil {
		t.Fatal(err)
	}
	ours := clientOf(t, NewFactory(), folder)
	expectFilled(t, ours)
	if stale, err := ours.Get(ctx, "1000"); err != nil || stale != nil {
		t.Fatal("more is there than the older version had", err)
	}
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Fatal("it is still there", err)
	}
}

func TestWhatWasQueuedBeforeAnOlderVersionRanIsKept(t *testing.T) {
	folder := t.TempDir()
	ours := clientOf(t, NewFactory(), folder)
	if err := ours.Batch(ctx, storage.SetOperation("qmv0", nil), storage.SetOperation("7", []byte("from before"))); err != nil {
		t.Fatal(err)
	}
	closed(t, ours)
	old := clientOf(t, older(), folder)
	fill(t, old)
	closed(t, old)
	expectFilled(t, clientOf(t, NewFactory(), folder))
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), file+journalMark+keptMark) {
			content, err := os.ReadFile(filepath.Join(folder, entry.Name(), "00000001"))
			if err != nil || !bytes.Contains(content, []byte("from before")) {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("nothing is kept: %v", entries)
}

func TestNamesOfJournalsAreNamesOfFiles(t *testing.T) {
	for name, wanted := range map[string]string{"logs": file + journalMark, "a/../b:*": "exporter_otlp_http_loki_a%2F..%2Fb%3A%2A" + journalMark} {
		if found := journalName(component.KindExporter, queueOf, name); found != wanted {
			t.Errorf("%s instead of %s", found, wanted)
		}
	}
	if long := journalName(component.KindExporter, queueOf, strings.Repeat("x", 5000)); len(long) > 255 {
		t.Error(long)
	}
}
