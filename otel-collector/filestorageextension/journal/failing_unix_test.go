//go:build unix

package journal

import (
	"syscall"
	"testing"
)

func TestAWriteThatWasTakenInPartLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	j := opened(t, folder)
	must(t, put(j, 1, make([]byte, spareSize)))
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	narrow := limit
	narrow.Cur = 3 * spareSize / 2
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &narrow))
	err := put(j, 2, make([]byte, spareSize))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	if err == nil {
		t.Fatal("taken")
	}
	if total, _ := onDisk(t, folder); total > spareSize+1000 {
		t.Fatalf("%d bytes", total)
	}
	must(t, j.Close(ctx))
	expect(t, opened(t, folder), map[string][]byte{"1": make([]byte, spareSize), queueState: []byte("1 put")})
}
