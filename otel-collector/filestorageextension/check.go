package filestorageextension

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

const (
	// CheckCommand is the argument with which this program checks the files named after it, and ends.
	CheckCommand = "check-queue-files"

	damagedMark = ".damaged-"
	lockWait    = 200 * time.Millisecond
)

// Check says whether every file is a sound database. Call it in a process of its own: what is damaged may end it.
func Check(files []string) error {
	for _, file := range files {
		if err := checkOne(file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func checkOne(file string) error {
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil // another collector uses it, which the storage will say; that is no damage
	}
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		var found error
		for problem := range tx.Check() {
			found = errors.Join(found, problem)
		}
		if found != nil {
			return found
		}
		return tx.ForEach(func(_ []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(_, _ []byte) error { return nil })
		})
	})
}

// setAside renames every damaged file of the folder and returns their new names. A file that is empty is no damage: the
// database begins it.
func setAside(ctx context.Context, folder string, sound func(context.Context, ...string) bool) ([]string, error) {
	files, err := queueFiles(folder)
	if err != nil || len(files) == 0 || sound(ctx, files...) {
		return nil, err
	}
	var aside []string
	for _, file := range files {
		if sound(ctx, file) {
			continue
		}
		kept := file + damagedMark + time.Now().UTC().Format("20060102T150405Z")
		if err := os.Rename(file, kept); err != nil {
			return aside, fmt.Errorf("%s is damaged, and can't be set aside: %w", file, err)
		}
		aside = append(aside, kept)
	}
	return aside, nil
}

func queueFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || ignored(entry.Name()) {
			continue
		}
		files = append(files, filepath.Join(folder, entry.Name()))
	}
	return files, nil
}

func ignored(name string) bool {
	return strings.HasPrefix(name, filestorage.TempDbPrefix) || strings.Contains(name, damagedMark) || strings.HasSuffix(name, ".backup")
}

// soundByAnotherProcess runs this program's own check: a damaged file can end the process that reads it (a fault in
// memory that is mapped), which is then the answer.
func soundByAnotherProcess(ctx context.Context, files ...string) bool {
	self, err := os.Executable()
	if err != nil {
		return true // nothing to check with; the database's own check stays
	}
	check := exec.CommandContext(ctx, self, append([]string{CheckCommand}, files...)...)
	var ended *exec.ExitError
	return !errors.As(check.Run(), &ended)
}
