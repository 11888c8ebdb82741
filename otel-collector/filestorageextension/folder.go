package filestorageextension

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Hold says what keeps a folder from holding queues, nil for nothing: it is made where it isn't there, and a file is written in it.
func Hold(folder string) error {
	if err := CouldHold(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("it can't be made: %w", reason(err))
	}
	file, err := os.CreateTemp(folder, ".try-*")
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return nil // what is in the queues is sent all the same, and makes room
	}
	if err != nil {
		return fmt.Errorf("it can't be written: %w", reason(err))
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// CouldHold says the same as far as it can be told without changing anything.
func CouldHold(folder string) error {
	for at := filepath.Clean(folder); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return nil
		case err == nil:
			return fmt.Errorf("%s is no folder", at)
		case filepath.Dir(at) == at:
			return reason(err)
		}
	}
}

// reason is why, without the path, which the caller names.
func reason(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
