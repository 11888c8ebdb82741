package bearertokenauthextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// started is an extension that reads a file, how often it looks at it, and what it says.
func started(t *testing.T, file string, often time.Duration) (bearer, *observer.ObservedLogs) {
	t.Helper()
	core, said := observer.New(zap.InfoLevel)
	made := NewFactory()
	set := extensiontest.NewNopSettings(made.Type())
	set.Logger = zap.New(core)
	cfg := made.CreateDefaultConfig().(*contrib.Config)
	cfg.Filename = file
	built, err := made.Create(context.Background(), set, cfg)
	if err != nil {
		t.Fatal(err)
	}
	built.(*watched).often = often
	if err := built.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := built.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return built.(bearer), said
}

func opens(door bearer, token string) bool {
	_, err := door.Authenticate(context.Background(), map[string][]string{"authorization": {"Bearer " + token}})
	return err == nil
}

func until(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time")
		}
	}
}

const gone, unread = "is gone", "can't be read"

func saying(said *observer.ObservedLogs, words string) int {
	return said.Filter(func(entry observer.LoggedEntry) bool { return strings.Contains(entry.Message, words) }).Len()
}

func TestAFileThatWentAndCameIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "token-0")
	door, said := started(t, file, 5*time.Millisecond)
	for life := 1; life <= 3; life++ {
		before, now := fmt.Sprintf("token-%d", life-1), fmt.Sprintf("token-%d", life)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		until(t, func() bool { return saying(said, gone) == life })
		if !opens(door, before) {
			t.Error("nobody gets in while there is no file")
		}
		write(t, file, "")
		until(t, func() bool { return saying(said, unread) == life })
		write(t, file, now)
		until(t, func() bool { return opens(door, now) && !opens(door, before) })
	}
}

func TestAFileThatOthersMayReadIsSaidToBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write(t, file, "token")
	door, said := started(t, file, 5*time.Millisecond)
	const everybody = "may be read by everybody"
	if saying(said, everybody) != 0 {
		t.Error("its owner alone may")
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return saying(said, everybody) == 1 })
	if rights := said.FilterField(zap.String("rights", "0644")); rights.Len() != 1 || !opens(door, "token") {
		t.Error(said.All())
	}
	for path, is := range map[string]bool{
		"/run/secrets/x/token": true, "/var/run/secrets/token": true, "/run/secrets/../token": false, "/run/secrets": false, "/etc/token": false,
	} {
		if mounted(path) != is {
			t.Error(path)
		}
	}
}

func TestWithoutAFileItIsTheContribExtension(t *testing.T) {
	made := NewFactory()
	cfg := made.CreateDefaultConfig().(*contrib.Config)
	cfg.BearerToken = "token"
	built, err := made.Create(context.Background(), extensiontest.NewNopSettings(made.Type()), cfg)
	if _, ours := built.(*watched); err != nil || ours {
		t.Error(built, err)
	}
}

func TestAFileThatIsntThereEndsTheStart(t *testing.T) {
	made := NewFactory()
	cfg := made.CreateDefaultConfig().(*contrib.Config)
	cfg.Filename = filepath.Join(t.TempDir(), "tokens")
	built, err := made.Create(context.Background(), extensiontest.NewNopSettings(made.Type()), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if built.Start(context.Background(), componenttest.NewNopHost()) == nil || built.Shutdown(context.Background()) != nil {
		t.Error("started")
	}
}
