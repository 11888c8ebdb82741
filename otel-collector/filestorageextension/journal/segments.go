package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
)

const segmentSize = 4 << 20 // bytes, from which on another one is begun

// segment is one file. A deletion stands in a later one than what it deletes, or in the same: so only the oldest is
// ever removed.
type segment struct {
	number     uint64
	file       *os.File // open as long as it is there: a queue drops what it can't read, so reading must need no other file
	size, live int64    // bytes of the file; of them still wanted
}

type place struct {
	in     *segment
	at     int64
	length int
}

// Open reads what is in the folder, which is made where it isn't there. What is damaged is kept beside the rest, under
// the names that are returned; every sound record in it counts.
func Open(folder string, options Options) (*Journal, []string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, nil, err
	}
	j := &Journal{folder: folder, options: options, places: map[string]place{}, owed: map[string]*storage.Operation{}}
	numbers, err := j.numbers()
	if err != nil {
		return nil, nil, err
	}
	damaged := map[*segment]bool{}
	for _, number := range numbers {
		found := &segment{number: number}
		if damaged[found], err = j.read(found); err != nil {
			return nil, nil, err
		}
		j.segments = append(j.segments, found)
	}
	if len(j.segments) == 0 || damaged[j.last()] {
		if err := j.begin(); err != nil {
			return nil, nil, err
		}
	}
	kept, err := j.setAside(damaged)
	if err != nil {
		return nil, kept, err
	}
	j.clean()
	j.keepSpare()
	return j, kept, nil
}

// numbers of the files, in order.
func (j *Journal) numbers() ([]uint64, error) {
	entries, err := os.ReadDir(j.folder)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, entry := range entries {
		if number, err := strconv.ParseUint(entry.Name(), 10, 64); err == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (j *Journal) read(of *segment) (damaged bool, err error) {
	if of.file, err = os.OpenFile(j.path(of), os.O_RDWR, 0); err != nil {
		return false, err
	}
	data, err := io.ReadAll(of.file)
	if err != nil {
		return false, err
	}
	end, damaged := scan(data, func(at int, body []byte) { j.apply(of, at, body) })
	of.size = int64(len(data))
	if !damaged && end < len(data) {
		j.options.Log.Warn("a queue's file ends in the middle of a write, which is left out",
			zap.String("file", of.file.Name()), zap.Int("bytes", len(data)-end))
		of.size = int64(end)
		err = of.file.Truncate(of.size)
	}
	return damaged, err
}

// apply notes where the values of a record lie, whose body is at this place.
func (j *Journal) apply(in *segment, at int, body []byte) {
	each(body, func(key string, offset, length int) {
		j.forget(key)
		if length >= 0 {
			j.places[key] = place{in: in, at: int64(at + offset), length: length}
			in.live += weight(key, length)
		}
	})
}

func (j *Journal) forget(key string) {
	if lies, there := j.places[key]; there {
		lies.in.live -= weight(key, lies.length)
		delete(j.places, key)
	}
}

func weight(key string, length int) int64 { return int64(headerSize + len(key) + length) }

// begin makes another segment the last one. What is before it is on the disk then.
func (j *Journal) begin() error {
	next := &segment{number: 1}
	if len(j.segments) > 0 {
		next.number = j.last().number + 1
		if err := j.sync(); err != nil {
			return err
		}
	}
	var err error
	if next.file, err = os.OpenFile(j.path(next), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600); err != nil {
		return err
	}
	if j.options.FSync {
		if err := SyncFolder(j.folder); err != nil {
			return errors.Join(err, next.file.Close(), os.Remove(j.path(next)))
		}
	}
	j.segments = append(j.segments, next)
	return nil
}

// SyncFolder writes to the disk which files are in a folder.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // there a folder can't be synced
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (j *Journal) last() *segment { return j.segments[len(j.segments)-1] }

func (j *Journal) path(of *segment) string {
	return filepath.Join(j.folder, fmt.Sprintf("%08d", of.number))
}

func (j *Journal) sizes() (total, live int64) {
	for _, one := range j.segments {
		total, live = total+one.size, live+one.live
	}
	return total, live
}
