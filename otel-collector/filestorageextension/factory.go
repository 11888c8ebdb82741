// Package filestorageextension is the contrib distribution's file storage, with its settings and its files, but whose values lie in
// journals beside those: a request that waits is written once, with one fsync, instead of some six times with six. What
// the files hold from before is taken over. They are looked through before any of them is used: what is damaged is set
// aside under another name and said to be. Left to itself the database in them refuses to open one, and for another
// ends the whole process in the middle of its work, at every start again.
package filestorageextension

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	bbolterrors "go.etcd.io/bbolt/errors"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

type factory struct{ extension.Factory }

// NewFactory is the contrib extension's factory, whose storages are looked through when they start.
func NewFactory() extension.Factory {
	return factory{filestorage.NewFactory()}
}

// Create makes the contrib extension, with the check before it.
func (f factory) Create(ctx context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	inner, err := f.Factory.Create(ctx, set, cfg)
	if err != nil {
		return nil, err
	}
	behind, isStorage := inner.(storage.Extension)
	settings, known := cfg.(*filestorage.Config)
	if !isStorage || !known {
		return nil, fmt.Errorf("file_storage: the contrib extension is a %T with a %T now", inner, cfg)
	}
	counter, err := set.MeterProvider.Meter("orchestrator-telemetry/otel-collector/filestorageextension").Int64Counter(
		"otelcol_storage_damaged_files",
		metric.WithDescription("How many files of queues were found damaged at the start, and set aside."),
	)
	if err != nil {
		return nil, err
	}
	return &checked{Extension: behind, settings: settings, damaged: counter, log: set.Logger, sound: soundByAnotherProcess}, nil
}

// checked is the contrib extension behind a look through its folder.
type checked struct {
	storage.Extension
	settings *filestorage.Config
	damaged  metric.Int64Counter
	log      *zap.Logger
	sound    func(ctx context.Context, files ...string) bool
}

// Start sets damaged files aside, then starts the contrib extension. Raises an error where a file can't be moved.
func (c *checked) Start(ctx context.Context, host component.Host) error {
	aside, err := setAside(ctx, c.settings.Directory, c.sound)
	if err != nil {
		return err
	}
	c.sayDamaged(ctx, aside)
	return c.Extension.Start(ctx, host)
}

func (c *checked) sayDamaged(ctx context.Context, files []string) {
	c.damaged.Add(ctx, int64(len(files)))
	for _, moved := range files {
		c.log.Error("a queue's file is damaged: what can't be read in it is not sent, and the file is kept", zap.String("kept_as", moved))
	}
}

// GetClient opens the values of one queue. Raises an error that says what to do where another collector has them open.
func (c *checked) GetClient(ctx context.Context, kind component.Kind, of component.ID, name string) (storage.Client, error) {
	beside, err := c.Extension.GetClient(ctx, kind, of, name)
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("the queues in %s are in use by another collector: ORCHESTRATOR_COLLECTOR_QUEUE_DIR names another folder", c.settings.Directory)
	}
	if err != nil {
		return nil, err
	}
	opened, err := c.journal(ctx, beside, journalName(kind, of, name))
	if err != nil {
		return nil, errors.Join(err, beside.Close(ctx))
	}
	return opened, nil
}
