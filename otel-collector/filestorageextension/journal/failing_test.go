package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// refuse makes the disk take nothing more into the last file; the function that it returns makes it well again.
func refuse(t *testing.T, j *Journal) func() {
	t.Helper()
	sound, in := j.last().file, j.last()
	readable, err := os.Open(j.path(in))
	must(t, err)
	in.file = readable
	return func() { in.file = sound }
}

func TestOnAFullDiskPutsAreRefusedAndNotesWait(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	for number := range 3 {
		must(t, put(j, number, bytes.Repeat([]byte{byte(number)}, spareSize)))
	}
	well := refuse(t, j)
	if put(j, 3, []byte("refused")) == nil {
		t.Fatal("taken")
	}
	if value, err := take(j, 0); err != nil || len(value) != spareSize {
		t.Fatal(len(value), err)
	}
	must(t, done(j, 0))
	wanted := map[string][]byte{"0": nil, "1": bytes.Repeat([]byte{1}, spareSize), queueState: []byte("0 done"), "3": nil}
	check := func(j *Journal) {
		for key, value := range wanted {
			if found, err := j.Get(ctx, key); err != nil || !bytes.Equal(found, value) {
				t.Fatalf("%s: %d bytes instead of %d, %v", key, len(found), len(value), err)
			}
		}
	}
	check(j)
	well()
	must(t, j.Set(ctx, "0", []byte("another")))
	must(t, j.Set(ctx, "more", nil))
	must(t, j.Close(ctx))
	wanted["0"] = []byte("another")
	check(opened(t, folder))
}

func TestWhatIsSentFromAFullDiskMakesRoomOnIt(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	must(t, put(j, 0, make([]byte, spareSize)))
	must(t, j.begin())
	must(t, put(j, 1, make([]byte, spareSize)))
	defer refuse(t, j)()
	must(t, done(j, 0))
	if _, files := onDisk(t, folder); files != 1 {
		t.Fatalf("%d files", files)
	}
}

func TestANearlyEmptyQueueBeginsAnewOnAFullDisk(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	must(t, put(j, 1, make([]byte, 10*spareSize)))
	must(t, done(j, 1))
	refuse(t, j)
	must(t, put(j, 2, []byte("two")))
	if total, files := onDisk(t, folder); files != 1 || total > spareSize {
		t.Fatalf("%d files with %d bytes", files, total)
	}
	expect(t, j, map[string][]byte{"2": []byte("two"), queueState: []byte("2 put")})
}

func TestADiskThatStaysFullGetsNoMoreFiles(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	must(t, j.Set(ctx, "a", nil))
	must(t, j.begin())
	defer refuse(t, j)()
	for range 10 {
		if j.Set(ctx, "b", nil) == nil {
			t.Fatal("taken")
		}
	}
	if _, files := onDisk(t, folder); files != 2 {
		t.Fatalf("%d files", files)
	}
}

func TestAQueueThatIsStartedOftenKeepsItsFile(t *testing.T) {
	folder := t.TempDir()
	for start := range 10 {
		j := opened(t, folder)
		must(t, put(j, start, []byte("waits")))
		must(t, j.Close(ctx))
	}
	if _, files := onDisk(t, folder); files != 1 {
		t.Fatalf("%d files", files)
	}
}

func TestOfADamagedFileOnlyWhatWasHitIsLost(t *testing.T) {
	const records, offsets = 40, 97
	filled := t.TempDir()
	j := opened(t, filled)
	for number := range records {
		must(t, put(j, number, bytes.Repeat([]byte{byte(number)}, 500)))
	}
	sound, err := os.ReadFile(j.path(j.last()))
	must(t, err)
	for offset := 0; offset < len(sound); offset += len(sound) / offsets {
		spoiled := bytes.Clone(sound)
		for at := offset; at < min(offset+64, len(sound)); at++ {
			spoiled[at] ^= 0x5a
		}
		folder := t.TempDir()
		must(t, os.WriteFile(filepath.Join(folder, "00000001"), spoiled, 0o600))
		found, kept, err := Open(folder, Options{Log: zap.NewNop()})
		must(t, err)
		if len(kept) != 1 || !strings.HasPrefix(kept[0], filepath.Join(folder, "00000001"+damagedMark)) {
			t.Fatalf("offset %d: %v", offset, kept)
		}
		if content, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(content, spoiled) {
			t.Fatalf("offset %d: what was kept isn't the damaged file", offset)
		}
		missing := 0
		for number := range records {
			value, err := found.Get(ctx, fmt.Sprint(number))
			must(t, err)
			if value == nil {
				missing++
			} else if !bytes.Equal(value, bytes.Repeat([]byte{byte(number)}, 500)) {
				t.Fatalf("offset %d: a wrong value", offset)
			}
		}
		if missing > 2 {
			t.Fatalf("offset %d: %d values are lost", offset, missing)
		}
		must(t, found.Close(ctx))
		expect := records - missing
		if again := opened(t, folder); again.Len() < expect {
			t.Fatalf("offset %d: %d of %d after the next start", offset, again.Len(), expect)
		}
	}
}

func TestWhatIsBeforeADamagedFileMovesOnInOrder(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	must(t, j.Set(ctx, "old", []byte("deleted later")))
	must(t, j.Set(ctx, "kept", []byte("yes")))
	must(t, j.begin())
	must(t, j.Delete(ctx, "old"))
	must(t, j.Set(ctx, "hit", []byte("no")))
	must(t, j.Close(ctx))
	file := filepath.Join(folder, "00000002")
	content, err := os.ReadFile(file)
	must(t, err)
	content[len(content)-1] ^= 1
	must(t, os.WriteFile(file, content, 0o600))
	j, kept, err := Open(folder, Options{Log: zap.NewNop()})
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	must(t, j.Close(ctx))
	expect(t, opened(t, folder), map[string][]byte{"kept": []byte("yes")})
}

func TestAFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, _, err := Open(filepath.Join(file, "folder"), Options{Log: zap.NewNop()}); err == nil {
		t.Fatal("no error")
	}
}

func TestAClosedJournalSaysSo(t *testing.T) {
	j := opened(t, t.TempDir())
	must(t, j.Close(ctx))
	must(t, j.Close(ctx))
	if err := j.Set(ctx, "a", nil); err != errClosed { //nolint:errorlint // it is this one
		t.Fatal(err)
	}
}
