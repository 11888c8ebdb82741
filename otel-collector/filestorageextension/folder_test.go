package filestorageextension

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFoldersForQueues(t *testing.T) {
	there := t.TempDir()
	file := filepath.Join(there, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for folder, wrong := range map[string]string{
		there:                             "",
		filepath.Join(there, "a", "b"):    "",
		file:                              file + " is no folder",
		filepath.Join(file, "a", "queue"): file + " is no folder",
	} {
		for name, check := range map[string]func(string) error{"without a change": CouldHold, "for a start": Hold} {
			said := ""
			if err := check(folder); err != nil {
				said = err.Error()
			}
			if said != wrong {
				t.Errorf("%s, %s: %q", folder, name, said)
			}
		}
	}
	if left, _ := os.ReadDir(there); len(left) != 2 { // `file` and `a`
		t.Error(left)
	}
}

func TestNothingIsMadeByLookingAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "queue")
	if err := CouldHold(folder); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("it was made")
	}
}
