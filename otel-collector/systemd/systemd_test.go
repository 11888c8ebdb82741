package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// listen is in systemd's place: hear waits for the next message.
func listen(t *testing.T, address string) (hear func() string) {
	t.Helper()
	connection, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return func() string {
		buffer := make([]byte, 4096)
		_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
		n, err := connection.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:n])
	}
}

// path is short enough for a socket.
func path(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return filepath.Join(folder, "notify")
}

func of(t *testing.T, environment map[string]string) *Manager {
	t.Helper()
	manager, err := Of(lookup(environment), 4711, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

func lookup(environment map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, set := environment[name]
		return value, set
	}
}

// wellAfter fails that often first, then is well that often, and fails from then on.
func wellAfter(bad, good int) func() error {
	asked := 0
	return func() error {
		asked++
		if asked <= bad || asked > bad+good {
			return errors.New("not well")
		}
		return nil
	}
}

// stop ends KeepTold, which has no end of its own, at the given sleep.
func stop(at int, slept *[]time.Duration) func(time.Duration) {
	return func(length time.Duration) {
		*slept = append(*slept, length)
		if len(*slept) == at {
			panic("stop")
		}
	}
}

func keepTold(manager *Manager, well func() error, sleeps int) (slept []time.Duration) {
	defer func() { _ = recover() }()
	manager.KeepTold(well, stop(sleeps, &slept))
	return slept
}

func TestItIsToldOnceAllIsWellAndWhileItIs(t *testing.T) {
	for _, address := range []string{path(t), fmt.Sprintf("@otelcol-test-%d", os.Getpid())} {
		hear := listen(t, address)
		manager := of(t, map[string]string{socket: address, watchdog: "30000000", watched: "4711"})
		// not well twice, then ready and two signs of life, then none while it isn't well
		keepTold(manager, wellAfter(2, 3), 6)
		manager.say("the end")
		var heard []string
		for len(heard) == 0 || heard[len(heard)-1] != "the end" {
			heard = append(heard, hear())
		}
		if !slices.Equal(heard, []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "the end"}) {
			t.Errorf("%s: heard %q", address, heard)
		}
	}
}

func TestItIsToldThreeTimesInTheTimeThatIsAllowed(t *testing.T) {
	address := path(t)
	listen(t, address)
	manager := of(t, map[string]string{socket: address, watchdog: "30000000"})
	slept := []time.Duration{}
	func() {
		defer func() { _ = recover() }()
		manager.KeepTold(func() error { return nil }, stop(2, &slept))
	}()
	if !slices.Equal(slept, []time.Duration{10 * time.Second, 10 * time.Second}) {
		t.Errorf("slept %v", slept)
	}
}

func TestWithoutAWatchdogReadyIsAll(t *testing.T) {
	address := path(t)
	hear := listen(t, address)
	for _, environment := range []map[string]string{
		{socket: address},
		{socket: address, watchdog: "30000000", watched: "1"}, // another process of the unit
	} {
		of(t, environment).KeepTold(func() error { return nil }, time.Sleep)
		if heard := hear(); heard != "READY=1" {
			t.Errorf("heard %q", heard)
		}
	}
}

func TestWithoutSystemdNobodyIsAsked(t *testing.T) {
	of(t, map[string]string{watchdog: "1"}).KeepTold(func() error { t.Error("asked"); return nil }, time.Sleep)
}

func TestWhatItCantUse(t *testing.T) {
	for want, environment := range map[string]map[string]string{
		`NOTIFY_SOCKET="vsock:2:1" is no path of a socket`:                 {socket: "vsock:2:1"},
		`WATCHDOG_USEC="soon" is no number of microseconds`:                {socket: "/x", watchdog: "soon"},
		`WATCHDOG_USEC="-1" is no number of microseconds`:                  {socket: "/x", watchdog: "-1"},
		`WATCHDOG_USEC="9999999999999999999" is no number of microseconds`: {socket: "/x", watchdog: "9999999999999999999"},
	} {
		if _, err := Of(lookup(environment), 1, nil); err == nil || err.Error() != want {
			t.Errorf("%v: %v", environment, err)
		}
	}
}

func TestAManagerThatIsGoneIsSaidOnce(t *testing.T) {
	var failures []error
	address := path(t)
	manager, _ := Of(lookup(map[string]string{socket: address}), 1, func(err error) { failures = append(failures, err) })
	manager.say("READY=1")
	manager.say("READY=1")
	if len(failures) != 1 {
		t.Errorf("told %v", failures)
	}
	hear := listen(t, address)
	manager.say("back")
	if heard := hear(); heard != "back" || len(failures) != 1 {
		t.Errorf("heard %q, told %v", heard, failures)
	}
}
