package filestorageextension

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

func database(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucket([]byte("default"))
		if err != nil {
			return err
		}
		return bucket.Put([]byte("0"), make([]byte, 100_000))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func inProcess(_ context.Context, files ...string) bool { return Check(files) == nil }

func TestWhatIsDamagedIsSetAsideAndNothingElse(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	database(t, at("sound"))
	for name, content := range map[string]string{
		"empty": "", "no database": "not a database at all", tempName: "left by a compaction", "old" + damagedMark + "x": "kept before", "a.backup": "kept by others",
	} {
		if err := os.WriteFile(at(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	aside, err := setAside(context.Background(), folder, inProcess)
	if err != nil || len(aside) != 1 || !strings.HasPrefix(aside[0], at("no database")+damagedMark) {
		t.Fatalf("%v, %v", aside, err)
	}
	if kept, err := os.ReadFile(aside[0]); err != nil || string(kept) != "not a database at all" {
		t.Fatalf("%q, %v", kept, err)
	}
	entries, _ := os.ReadDir(folder)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	for _, name := range []string{"sound", "empty", tempName, "a.backup"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is gone: %v", name, names)
		}
	}
}

const tempName = "tempdb123"

func TestAFileInUseIsNotDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue")
	database(t, path)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := Check([]string{path}); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderThatCannotBeReadIsAnError(t *testing.T) {
	if _, err := setAside(context.Background(), filepath.Join(t.TempDir(), "absent"), inProcess); err == nil {
		t.Fatal("no error")
	}
}
