package filestorageextension

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"orchestrator-telemetry/otel-collector/filestorageextension/journal"
)

const (
	journalMark = ".journal"
	longestName = 200
)

// client is a journal. The contrib extension's file beside it locks both, and is where an older version has its values.
type client struct {
	*journal.Journal
	beside storage.Client
}

// Close closes both.
func (c client) Close(ctx context.Context) error {
	return errors.Join(c.Journal.Close(ctx), c.beside.Close(ctx))
}

func (c *checked) journal(ctx context.Context, beside storage.Client, name string) (storage.Client, error) {
	options := journal.Options{FSync: c.settings.FSync, MaxSize: c.settings.MaxSize, Log: c.log}
	folder := filepath.Join(c.settings.Directory, name)
	kept, err := takeOver(ctx, beside, folder, options)
	if err != nil {
		return nil, err
	}
	if kept != "" {
		c.log.Warn("an older version has queued since: what this one had queued before it is not sent, and the folder is kept", zap.String("kept_as", kept))
	}
	values, damaged, err := journal.Open(folder, options)
	c.sayDamaged(ctx, damaged)
	if err != nil {
		return nil, err
	}
	return client{Journal: values, beside: beside}, nil
}

// journalName is the name of the folder with a component's journal.
func journalName(kind component.Kind, of component.ID, name string) string {
	parts := []string{strings.ToLower(kind.String()), of.Type().String(), of.Name()}
	if name != "" {
		parts = append(parts, name)
	}
	safe := url.QueryEscape(strings.Join(parts, "_"))
	if len(safe) > longestName {
		sum := sha256.Sum256([]byte(safe))
		safe = hex.EncodeToString(sum[:])
	}
	return safe + journalMark
}
