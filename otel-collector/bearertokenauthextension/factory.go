// Package bearertokenauthextension is the contrib distribution's check of tokens, whose file is also read again after it
// was deleted and made anew: left to itself it watches the file that was, and no longer notices anything.
package bearertokenauthextension

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/extension/bearertokenauthextension"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.uber.org/zap"
)

// lookEvery is how often the file is looked at, beside the system's own word that it changed.
const lookEvery = 2 * time.Second

type factory struct{ extension.Factory }

// NewFactory is the contrib extension's factory.
func NewFactory() extension.Factory {
	return factory{contrib.NewFactory()}
}

// Create makes the contrib extension, and where it has a file, looks after that.
func (f factory) Create(ctx context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	inner, err := f.Factory.Create(ctx, set, cfg)
	if err != nil {
		return nil, err
	}
	checking, checks := inner.(bearer)
	config, known := cfg.(*contrib.Config)
	if !checks || !known {
		return nil, fmt.Errorf("bearertokenauth: the contrib extension is a %T with a %T now", inner, cfg)
	}
	if config.Filename == "" {
		return inner, nil
	}
	return &watched{bearer: checking, file: config.Filename, log: set.Logger, often: lookEvery}, nil
}

// bearer is what the contrib extension is used as.
type bearer interface {
	extension.Extension
	extensionauth.Server
	extensionauth.HTTPClient
	extensionauth.GRPCClient
}

// watched starts the contrib extension again when its file is another one than it was.
type watched struct {
	bearer
	file  string
	log   *zap.Logger
	often time.Duration
	seen  os.FileInfo // as it was when it was read last; nil: it wasn't there
	stop  context.CancelFunc
	over  sync.WaitGroup
}

// Start starts the contrib extension. Raises an error where the file can't be read.
func (w *watched) Start(ctx context.Context, host component.Host) error {
	w.seen = w.look()
	if err := w.bearer.Start(ctx, host); err != nil {
		return err
	}
	w.warn()
	var going context.Context
	going, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	w.over.Go(func() { w.follow(going, host) })
	return nil
}

// Shutdown ends both.
func (w *watched) Shutdown(ctx context.Context) error {
	if w.stop != nil {
		w.stop()
		w.over.Wait()
	}
	return w.bearer.Shutdown(ctx)
}

func (w *watched) follow(ctx context.Context, host component.Host) {
	clock := time.NewTicker(w.often)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
			w.readIfChanged(ctx, host)
		}
	}
}

// readIfChanged looks first and reads then, so that what changes in between is seen the next time.
func (w *watched) readIfChanged(ctx context.Context, host component.Host) {
	now := w.look()
	if same(w.seen, now) {
		return
	}
	if w.seen = now; now == nil {
		w.log.Warn("the file with the tokens is gone: those that were in it hold until there is another", zap.String("file", w.file))
		return
	}
	err := w.bearer.Shutdown(ctx)
	if err == nil {
		err = w.bearer.Start(ctx, host)
	}
	if err != nil {
		w.log.Error("the file with the tokens can't be read: those before hold until it changes", zap.String("file", w.file), zap.Error(err))
		return
	}
	w.warn()
}

func (w *watched) look() os.FileInfo {
	found, err := os.Stat(w.file)
	if err != nil {
		return nil
	}
	return found
}

func same(before, now os.FileInfo) bool {
	if before == nil || now == nil {
		return before == nil && now == nil
	}
	return os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size() && before.Mode() == now.Mode()
}

// warn says where the file isn't for its owner alone. It is no more than said: a secret that Kubernetes mounts is so by default.
func (w *watched) warn() {
	if w.seen == nil || w.seen.Mode().Perm()&0o007 == 0 || mounted(w.file) || runtime.GOOS == "windows" { // which has no such rights
		return
	}
	w.log.Warn("the file with the tokens may be read by everybody on this machine: chmod 600",
		zap.String("file", w.file), zap.String("rights", fmt.Sprintf("%04o", w.seen.Mode().Perm())))
}

// mounted says whether a file is where container engines put secrets, with rights that nobody can choose.
func mounted(file string) bool {
	for _, folder := range []string{"/run/secrets", "/var/run/secrets"} {
		if strings.HasPrefix(filepath.Clean(file), folder+"/") {
			return true
		}
	}
	return false
}
