// Package systemd tells the service manager how the collector is, by the datagram socket that it names (sd_notify(3)).
package systemd

import (
	"fmt"
	"net"
	"strconv"
	"time"
)

const (
	socket   = "NOTIFY_SOCKET"
	watchdog = "WATCHDOG_USEC"
	watched  = "WATCHDOG_PID"
	// How long to wait between two looks whether all is ready.
	pause = 100 * time.Millisecond
	// How often it is told within the time that it allows: one message may be late, or lost.
	timesWithin = 3
)

// Manager is whoever started this process and wants to hear of it; the zero value wants nothing.
type Manager struct {
	address string
	every   time.Duration
	failed  func(error)
	failing bool
}

// Of is the manager that the environment names, for the process with this id. What can't be told is handed to failed, the
// first of several in a row.
func Of(lookup func(string) (string, bool), pid int, failed func(error)) (*Manager, error) {
	address, _ := lookup(socket)
	if address == "" {
		return &Manager{}, nil
	}
	if address[0] != '/' && address[0] != '@' {
		return nil, fmt.Errorf("%s=%q is no path of a socket", socket, address)
	}
	manager := &Manager{address: address, failed: failed} // Go, too, writes the abstract space as @
	text, _ := lookup(watchdog)
	if of, _ := lookup(watched); text == "" || (of != "" && of != strconv.Itoa(pid)) {
		return manager, nil
	}
	allowed, err := strconv.ParseInt(text, 10, 64)
	if err != nil || allowed <= 0 {
		return nil, fmt.Errorf("%s=%q is no number of microseconds", watchdog, text)
	}
	manager.every = time.Duration(allowed) * time.Microsecond / timesWithin
	return manager, nil
}

// KeepTold says that all is ready as soon as it is well, and then for as long as it is that it is. It returns at once
// where nobody wants to hear it, and after the first message where nobody wants to hear more.
func (m *Manager) KeepTold(well func() error, sleep func(time.Duration)) {
	if m.address == "" {
		return
	}
	for well() != nil {
		sleep(pause)
	}
	m.say("READY=1")
	for m.every > 0 {
		if well() == nil {
			m.say("WATCHDOG=1")
		}
		sleep(m.every)
	}
}

func (m *Manager) say(state string) {
	err := m.send(state)
	if err != nil && !m.failing {
		m.failed(err)
	}
	m.failing = err != nil
}

func (m *Manager) send(state string) error {
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = connection.Write([]byte(state))
	return err
}
