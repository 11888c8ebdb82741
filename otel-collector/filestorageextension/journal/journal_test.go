package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

var ctx = context.Background()

func opened(t *testing.T, folder string) *Journal {
	t.Helper()
	j, kept, err := Open(folder, Options{FSync: true, Log: zap.NewNop()})
	if err != nil || len(kept) > 0 {
		t.Fatal(err, kept)
	}
	t.Cleanup(func() { _ = j.Close(ctx) })
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put, take and done are what an exporter's queue does with a request.
func put(j *Journal, number int, value []byte) error {
	return j.Batch(ctx, storage.SetOperation(queueState, fmt.Appendf(nil, "%d put", number)), storage.SetOperation(fmt.Sprint(number), value))
}

func take(j *Journal, number int) ([]byte, error) {
	get := storage.GetOperation(fmt.Sprint(number))
	err := j.Batch(ctx, storage.SetOperation(queueState, fmt.Appendf(nil, "%d taken", number)), get)
	return get.Value, err
}

func done(j *Journal, number int) error {
	return j.Batch(ctx, storage.SetOperation(queueState, fmt.Appendf(nil, "%d done", number)), storage.DeleteOperation(fmt.Sprint(number)))
}

func expect(t *testing.T, j *Journal, wanted map[string][]byte) {
	t.Helper()
	for key, value := range wanted {
		if found, err := j.Get(ctx, key); err != nil || !bytes.Equal(found, value) {
			t.Fatalf("%s: %d bytes instead of %d, %v", key, len(found), len(value), err)
		}
	}
	if j.Len() != len(wanted) {
		t.Fatalf("%d keys instead of %d", j.Len(), len(wanted))
	}
}

func onDisk(t *testing.T, folder string) (bytes int64, files int) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && entry.Name() != spareName {
			bytes, files = bytes+info.Size(), files+1
		}
	}
	return bytes, files
}

func TestOperationsOfABatchAreInOrder(t *testing.T) {
	j := opened(t, t.TempDir())
	before, between, after := storage.GetOperation("a"), storage.GetOperation("a"), storage.GetOperation("a")
	must(t, j.Set(ctx, "a", []byte("1")))
	must(t, j.Batch(ctx, before, storage.SetOperation("a", []byte("2")), between, storage.DeleteOperation("a"), after))
	if string(before.Value) != "1" || string(between.Value) != "2" || after.Value != nil {
		t.Fatalf("%q %q %q", before.Value, between.Value, after.Value)
	}
	if value, err := j.Get(ctx, "a"); value != nil || err != nil {
		t.Fatal(value, err)
	}
}

func TestWhatWasSetIsThereAgainWhateverCameBefore(t *testing.T) {
	for seed := range uint64(5) {
		dice, folder, wanted := rand.New(rand.NewPCG(seed, 0)), t.TempDir(), map[string][]byte{}
		j := opened(t, folder)
		for range 300 {
			var batch []*storage.Operation
			for range dice.IntN(3) + 1 {
				key := fmt.Sprint(dice.IntN(30))
				if dice.IntN(3) == 0 {
					delete(wanted, key)
					batch = append(batch, storage.DeleteOperation(key))
					continue
				}
				wanted[key] = bytes.Repeat([]byte{byte(dice.Uint32())}, dice.IntN(200_000))
				batch = append(batch, storage.SetOperation(key, wanted[key]))
			}
			must(t, j.Batch(ctx, batch...))
			if dice.IntN(30) == 0 {
				must(t, j.Close(ctx))
				j = opened(t, folder)
			}
		}
		expect(t, j, wanted)
		total, _ := j.sizes()
		if found, _ := onDisk(t, folder); found != total || total > 30*2*200_000+6*segmentSize {
			t.Fatalf("%d bytes on disk, %d known", found, total)
		}
	}
}

func TestAKillLeavesWholeBatchesAndEveryOneThatWasTaken(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	state, ends, states := map[string][]byte{}, []int64{0}, []map[string][]byte{{}}
	note := func(err error) {
		must(t, err)
		ends, states = append(ends, j.last().size), append(states, maps.Clone(state))
	}
	for number := range 4 {
		state[queueState], state[fmt.Sprint(number)] = fmt.Appendf(nil, "%d put", number), bytes.Repeat([]byte{7}, 40)
		note(put(j, number, state[fmt.Sprint(number)]))
		state[queueState] = fmt.Appendf(nil, "%d done", number)
		delete(state, fmt.Sprint(number))
		note(done(j, number))
	}
	whole, err := os.ReadFile(j.path(j.last()))
	must(t, err)
	at := 0
	for length := range int64(len(whole)) + 1 {
		for at+1 < len(ends) && ends[at+1] <= length {
			at++
		}
		cut := t.TempDir()
		must(t, os.WriteFile(filepath.Join(cut, "00000001"), whole[:length], 0o600))
		after := opened(t, cut)
		expect(t, after, states[at])
		must(t, put(after, 9, []byte("new")))
		must(t, after.Close(ctx))
		if value, err := opened(t, cut).Get(ctx, "9"); string(value) != "new" {
			t.Fatal(length, value, err)
		}
	}
}

func TestAChangeWritesLittleMoreThanItsValue(t *testing.T) {
	folder, value := t.TempDir(), make([]byte, 30_000)
	j := opened(t, folder)
	for number := range 300 {
		must(t, put(j, number, value))
	}
	if written, _ := onDisk(t, folder); written > 300*(30_000+100) {
		t.Fatalf("%d bytes written for each put", written/300)
	}
	before, _ := onDisk(t, folder)
	for number := range 100 {
		found, err := take(j, number)
		if err != nil || len(found) != len(value) {
			t.Fatal(len(found), err)
		}
	}
	if after, _ := onDisk(t, folder); after-before > 100*100 {
		t.Fatalf("%d bytes written for each note", (after-before)/100)
	}
}

func TestOnlyNotesMayBeLostWithThePower(t *testing.T) {
	j := opened(t, t.TempDir())
	must(t, put(j, 1, []byte("one")))
	synced := j.synced
	if _, err := take(j, 1); err != nil || j.synced != synced {
		t.Fatal("a note alone is synced", err)
	}
	for name, change := range map[string]func() error{
		"put": func() error { return put(j, 2, []byte("two")) }, "set": func() error { return j.Set(ctx, "other", nil) },
		"delete": func() error { return j.Delete(ctx, "1") },
	} {
		synced = j.synced
		if must(t, change()); j.synced == synced {
			t.Errorf("%s is not synced", name)
		}
	}
	j.synced = synced.Add(-2 * notesWait)
	if must(t, done(j, 2)); !j.synced.After(synced) {
		t.Error("a note waits for longer than it may")
	}
}

func TestAQueueThatIsSentGivesItsFilesBack(t *testing.T) {
	folder, value := t.TempDir(), make([]byte, 500_000)
	j := opened(t, folder)
	must(t, put(j, 0, value)) // is never sent, and moves on
	for number := 1; number < 200; number++ {
		must(t, put(j, number, value))
		must(t, done(j, number))
		if total, live := j.sizes(); total > 2*live+6*segmentSize {
			t.Fatalf("%d bytes for %d", total, live)
		}
	}
	must(t, done(j, 0))
	if total, files := onDisk(t, folder); files > 2 || total > 2*segmentSize {
		t.Fatalf("%d files with %d bytes", files, total)
	}
	expect(t, opened(t, folder), map[string][]byte{queueState: []byte("0 done")})
}

func TestASizeThatIsReachedRefusesPutsAndNoNotes(t *testing.T) {
	j, _, err := Open(t.TempDir(), Options{MaxSize: 250_000, Log: zap.NewNop()})
	must(t, err)
	must(t, put(j, 1, make([]byte, 100_000)))
	must(t, put(j, 2, make([]byte, 100_000)))
	if err := put(j, 3, make([]byte, 100_000)); !errors.Is(err, storage.ErrStorageFull) {
		t.Fatal(err)
	}
	must(t, done(j, 1))
	must(t, done(j, 2))
	must(t, put(j, 3, make([]byte, 100_000)))
}
