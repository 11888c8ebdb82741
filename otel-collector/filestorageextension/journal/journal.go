// Package journal keeps the values of one storage client in files that are only ever written at their end. A change
// is one write, and what must outlast a loss of power one fsync; a database of pages writes neighbouring values again
// with every change, and syncs twice for each.
package journal

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	// queueState is the key under which an exporter's queue notes what it has sent. Lost with the power it is as of a
	// moment before, which sends again; what was to be sent is under other keys.
	queueState = "qmv0"
	notesWait  = time.Second
)

var errClosed = errors.New("the storage is closed")

// Options of a journal.
type Options struct {
	FSync   bool  // what was set outlasts a loss of power
	MaxSize int64 // bytes of all files; 0: no bound
	Log     *zap.Logger
}

// Journal is a storage client. Its zero value isn't usable.
type Journal struct {
	folder  string
	options Options

	mu       sync.Mutex
	segments []*segment // the oldest first; the last one is written to; none: closed
	places   map[string]place
	owed     map[string]*storage.Operation // notes that are not on the disk yet, which had no room for them
	buffer   []byte
	synced   time.Time

	cluttered bool // there are files that couldn't be removed, which was said
}

var _ storage.Client = (*Journal)(nil)

// Get returns a value, nil where there is none.
func (j *Journal) Get(ctx context.Context, key string) ([]byte, error) {
	operation := storage.GetOperation(key)
	err := j.Batch(ctx, operation)
	return operation.Value, err
}

// Set keeps a value.
func (j *Journal) Set(ctx context.Context, key string, value []byte) error {
	return j.Batch(ctx, storage.SetOperation(key, value))
}

// Delete forgets a value.
func (j *Journal) Delete(ctx context.Context, key string) error {
	return j.Batch(ctx, storage.DeleteOperation(key))
}

// Batch carries out operations in order, all of them or none. An error means none, and that the disk didn't take it.
func (j *Journal) Batch(_ context.Context, operations ...*storage.Operation) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segments) == 0 {
		return errClosed
	}
	changes, changed := maps.Clone(j.owed), false
	for _, operation := range operations {
		if operation.Type != storage.Get {
			changes[operation.Key], changed = operation, true
			continue
		}
		var err error
		if operation.Value, err = j.value(operation.Key, changes); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	note := isNote(operations)
	err := j.take(changes, note)
	if err != nil && j.makeRoom() {
		err = j.take(changes, note)
	}
	switch {
	case err == nil:
		clear(j.owed)
	case note:
		j.owe(changes, err)
	default:
		return err
	}
	j.clean()
	return nil
}

// isNote says whether operations are only a queue's note of what it has sent.
func isNote(operations []*storage.Operation) bool {
	notes := false
	for _, operation := range operations {
		if operation.Type == storage.Set && operation.Key != queueState {
			return false
		}
		notes = notes || operation.Type == storage.Set
	}
	return notes
}

func (j *Journal) value(key string, changes map[string]*storage.Operation) ([]byte, error) {
	if change, changed := changes[key]; changed {
		return bytes.Clone(change.Value), nil
	}
	lies, there := j.places[key]
	if !there {
		return nil, nil
	}
	value := make([]byte, lies.length)
	_, err := lies.in.file.ReadAt(value, lies.at)
	return value, err
}

func (j *Journal) take(changes map[string]*storage.Operation, note bool) error {
	size, _ := j.sizes()
	for key, change := range changes {
		size += weight(key, len(change.Value))
	}
	if !note && j.options.MaxSize > 0 && size > j.options.MaxSize {
		return storage.ErrStorageFull
	}
	return j.write(changes, !note)
}

// write puts one record at the end. Where it fails, nothing has changed. What needn't be durable is synced with what
// comes after it, or a second later.
func (j *Journal) write(changes map[string]*storage.Operation, durable bool) error {
	if j.last().size >= segmentSize {
		if err := j.begin(); err != nil {
			return err
		}
		j.keepSpare()
	}
	j.buffer = record(j.buffer[:0], changes)
	to := j.last()
	_, err := to.file.WriteAt(j.buffer, to.size)
	if err == nil && (durable || time.Since(j.synced) > notesWait) {
		err = j.sync()
	}
	if err != nil {
		return errors.Join(err, to.file.Truncate(to.size))
	}
	j.apply(to, int(to.size)+headerSize, j.buffer[headerSize:])
	to.size += int64(len(j.buffer))
	return nil
}

func (j *Journal) sync() error {
	if !j.options.FSync {
		return nil
	}
	j.synced = time.Now()
	return j.last().file.Sync()
}

// owe keeps a note that the disk didn't take for the next write that it does: a queue drops what it can't note. What
// the note deletes may make room.
func (j *Journal) owe(changes map[string]*storage.Operation, cause error) {
	if len(j.owed) == 0 {
		j.options.Log.Warn("what a queue has sent can't be written down for now: a kill would send it again", zap.Error(cause))
	}
	for key, change := range changes {
		j.owed[key] = &storage.Operation{Type: change.Type, Key: key, Value: bytes.Clone(change.Value)}
		if change.Type == storage.Delete {
			j.forget(key)
		}
	}
}

// Len is the number of keys.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.places)
}

// Close writes the end to the disk and closes the files.
func (j *Journal) Close(context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.segments) == 0 {
		return nil
	}
	err := j.sync()
	for _, one := range j.segments {
		err = errors.Join(err, one.file.Close())
	}
	j.segments = nil
	return err
}
