// Package filelogreceiver is the contrib distribution's receiver of log files, for which a line counts as read only when
// its record was taken. Left to itself it loses records in two ways: by a kill, up to a hundred that wait in memory to be
// handed on; by an ordinary stop while no backend takes, those it is just trying to hand on.
package filelogreceiver

import (
	"context"
	"errors"
	"sync"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"
)

func init() {
	if err := featuregate.GlobalRegistry().Set("stanza.synchronousLogEmitter", true); err != nil {
		panic(err) // the gate has another name in another version
	}
}

type factory struct{ receiver.Factory }

// NewFactory is the contrib receiver's factory.
func NewFactory() receiver.Factory {
	return factory{filelogreceiver.NewFactory()}
}

// CreateLogs makes the contrib receiver between a consumer and a storage that know of each other, for regular files only.
func (f factory) CreateLogs(
	ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs,
) (receiver.Logs, error) {
	handing := &handing{Logs: next, refused: map[plog.Logs]bool{}}
	inner, err := f.Factory.CreateLogs(ctx, set, withoutIrregular(cfg, set.Logger), handing)
	if err != nil {
		return nil, err
	}
	return &careful{Logs: inner, handing: handing}, nil
}

// careful writes down nothing of how far it has read once it is stopped with records in hand that nobody took.
type careful struct {
	receiver.Logs
	handing *handing
}

// Start starts the contrib receiver.
func (c *careful) Start(ctx context.Context, host component.Host) error {
	return c.Logs.Start(ctx, storages{host, c.handing})
}

// Shutdown stops the contrib receiver, which then gives up what it tries to hand on.
func (c *careful) Shutdown(ctx context.Context) error {
	c.handing.stop()
	return c.Logs.Shutdown(ctx)
}

// handing is the way of the records to the next consumer. It keeps those in mind that were refused and not taken since.
type handing struct {
	consumer.Logs
	mutex    sync.Mutex
	refused  map[plog.Logs]bool
	stopping bool
}

// ConsumeLogs hands records on. After a refusal the same ones come again, or, where the refusal names a part of them,
// that part; after one for good (which the contrib receiver logs) none do.
func (h *handing) ConsumeLogs(ctx context.Context, logs plog.Logs) error {
	err := h.Logs.ConsumeLogs(ctx, logs)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	delete(h.refused, logs)
	if err != nil && !consumererror.IsPermanent(err) {
		var part consumererror.Logs
		if errors.As(err, &part) {
			logs = part.Data()
		}
		h.refused[logs] = true
	}
	return err
}

func (h *handing) stop() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.stopping = true
}

// givenUp says whether records were refused that are not going to be handed on any more.
func (h *handing) givenUp() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.stopping && len(h.refused) > 0
}

// storages is a host whose storages are checkpoints.
type storages struct {
	component.Host
	handing *handing
}

// GetExtensions are the host's, the storages among them behind a checkpoint.
func (s storages) GetExtensions() map[component.ID]component.Component {
	found := map[component.ID]component.Component{}
	for id, one := range s.Host.GetExtensions() {
		if behind, isStorage := one.(storage.Extension); isStorage {
			one = checkpoints{behind, s.handing}
		}
		found[id] = one
	}
	return found
}

type checkpoints struct {
	storage.Extension
	handing *handing
}

// GetClient opens the receiver's file in the storage.
func (c checkpoints) GetClient(ctx context.Context, kind component.Kind, of component.ID, name string) (storage.Client, error) {
	client, err := c.Extension.GetClient(ctx, kind, of, name)
	if err != nil {
		return nil, err
	}
	return checkpoint{client, c.handing}, nil
}

// checkpoint is left as it was, once records were given up: after the next start they are read again.
type checkpoint struct {
	storage.Client
	handing *handing
}

// Set writes how far was read.
func (c checkpoint) Set(ctx context.Context, key string, value []byte) error {
	if c.handing.givenUp() {
		return nil
	}
	return c.Client.Set(ctx, key, value)
}

// Batch does several things at once.
func (c checkpoint) Batch(ctx context.Context, operations ...*storage.Operation) error {
	if c.handing.givenUp() {
		return nil
	}
	return c.Client.Batch(ctx, operations...)
}
