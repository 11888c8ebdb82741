package filestorageextension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"

	"orchestrator-telemetry/otel-collector/filestorageextension/journal"
)

const (
	incomingMark = ".incoming"
	keptMark     = ".kept-"
	atOnce       = 1 << 20 // bytes
)

// takeOver moves what an older version left in its file into the journal of this folder. Whenever it is ended, all of
// it is in one of them, or the same in both. A journal with other values, from before the older version ran, is kept
// under another name, which is returned.
func takeOver(ctx context.Context, old storage.Client, folder string, options journal.Options) (kept string, err error) {
	walker, walks := old.(storage.Walker)
	if !walks {
		return "", fmt.Errorf("file_storage: the contrib client is a %T now, whose values can't be listed", old)
	}
	if none, err := empty(ctx, walker); err != nil || none {
		return "", err
	}
	incoming := folder + incomingMark
	if err := os.RemoveAll(incoming); err != nil {
		return "", err
	}
	deletions, err := copied(ctx, walker, incoming, options)
	if err != nil {
		return "", fmt.Errorf("what an older version queued can't be written anew: %w", err)
	}
	if kept, err = makeWay(ctx, folder, options); err != nil {
		return kept, err
	}
	if err := errors.Join(os.Rename(incoming, folder), journal.SyncFolder(filepath.Dir(folder))); err != nil {
		return kept, err
	}
	return kept, old.Batch(ctx, deletions...)
}

func empty(ctx context.Context, values storage.Walker) (none bool, err error) {
	none = true
	err = values.Walk(ctx, func(string, []byte) ([]*storage.Operation, error) {
		none = false
		return nil, storage.SkipAll
	})
	return none, err
}

// copied writes all values into a journal of their own, and returns what deletes them where they were.
func copied(ctx context.Context, values storage.Walker, folder string, options journal.Options) (deletions []*storage.Operation, err error) {
	options.MaxSize = 0
	into, _, err := journal.Open(folder, options)
	if err != nil {
		return nil, err
	}
	var batch []*storage.Operation
	size := 0
	write := func() error {
		err := into.Batch(ctx, batch...)
		batch, size = nil, 0
		return err
	}
	err = values.Walk(ctx, func(key string, value []byte) ([]*storage.Operation, error) {
		deletions = append(deletions, storage.DeleteOperation(key))
		batch = append(batch, storage.SetOperation(key, bytes.Clone(value)))
		if size += len(value); size < atOnce {
			return nil, nil
		}
		return nil, write()
	})
	return deletions, errors.Join(err, write(), into.Close(ctx))
}

// makeWay removes a journal that holds nothing but a queue's state, and keeps any other under the name that it returns.
func makeWay(ctx context.Context, folder string, options journal.Options) (kept string, err error) {
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	there, _, err := journal.Open(folder, options)
	if err != nil {
		return "", err
	}
	held := there.Len()
	if err := there.Close(ctx); err != nil {
		return "", err
	}
	if held <= 1 {
		return "", os.RemoveAll(folder)
	}
	kept = folder + keptMark + time.Now().UTC().Format("20060102T150405Z")
	return kept, os.Rename(folder, kept)
}
