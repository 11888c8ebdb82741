package journal

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const (
	spareSize   = 64 << 10 // bytes, kept for a full disk
	spareName   = "spare"
	damagedMark = ".damaged-"
)

// clean removes the oldest segments: those with nothing in them, and, while more than half of everything is waste,
// others too, after what is wanted of them was written again.
func (j *Journal) clean() {
	for len(j.segments) > 1 {
		oldest := j.segments[0]
		total, live := j.sizes()
		if oldest.live > 0 && total < 2*live+4*segmentSize {
			return
		}
		if err := j.remove(oldest, os.Remove); err != nil {
			if !j.cluttered {
				j.options.Log.Warn("a queue's files can't be cleared up for now", zap.Error(err))
			}
			j.cluttered = true
			return
		}
		j.cluttered = false
	}
}

// remove takes the oldest segment away, with what is wanted of it in the last one.
func (j *Journal) remove(oldest *segment, away func(string) error) error {
	wanted := map[string]*storage.Operation{}
	for key, lies := range j.places {
		if lies.in == oldest {
			value, err := j.value(key, nil)
			if err != nil {
				return err
			}
			wanted[key] = storage.SetOperation(key, value)
		}
	}
	if len(wanted) > 0 {
		if err := j.write(wanted, true); err != nil {
			return err
		}
	}
	j.segments = j.segments[1:] // even where the file stays: at the next start it is the oldest again
	return errors.Join(oldest.file.Close(), away(j.path(oldest)))
}

// setAside renames damaged segments, and writes anew what is sound in them and before them.
func (j *Journal) setAside(damaged map[*segment]bool) (kept []string, err error) {
	last := -1
	for at, one := range j.segments {
		if damaged[one] {
			last = at
		}
	}
	for range last + 1 {
		away := os.Remove
		if damaged[j.segments[0]] {
			away = func(path string) error {
				name := path + damagedMark + time.Now().UTC().Format("20060102T150405Z")
				kept = append(kept, name)
				return os.Rename(path, name)
			}
		}
		if err := j.remove(j.segments[0], away); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// makeRoom writes the little that a nearly empty queue holds into another file, for which room was kept, and removes
// the others: on a full disk they may be all that there is to remove.
func (j *Journal) makeRoom() bool {
	if _, live := j.sizes(); live > spareSize/2 {
		return false
	}
	spared := os.Remove(filepath.Join(j.folder, spareName))
	if spared != nil && !errors.Is(spared, os.ErrNotExist) || j.last().size > 0 && j.begin() != nil {
		return false
	}
	for len(j.segments) > 1 {
		if j.remove(j.segments[0], os.Remove) != nil {
			return false
		}
	}
	j.keepSpare()
	return true
}

// keepSpare fills a file that makeRoom can remove. Where there is no room even for it, there is none to keep.
func (j *Journal) keepSpare() {
	path := filepath.Join(j.folder, spareName)
	if info, err := os.Stat(path); err == nil && info.Size() == spareSize {
		return
	}
	if err := os.WriteFile(path, make([]byte, spareSize), 0o600); err != nil {
		_ = os.Remove(path)
	}
}
