// Package confignet takes the place of the collector's package of the same name: it has the same names, and every listener
// takes a bounded number of connections, which no setting of the collector asks for. All the rest is the collector's own
// package, which go.mod has under the name that is imported here.
package confignet

import (
	"context"
	"net"
	"os"
	"strconv"

	stock "collector.invalid/config/confignet"
	"golang.org/x/net/netutil"
)

// MaxConnectionsVariable names how many connections each listener of the process takes at once.
const MaxConnectionsVariable = "ORCHESTRATOR_COLLECTOR_MAX_CONNECTIONS"

const maxConnections = 1024

type (
	// TransportType is the collector's.
	TransportType = stock.TransportType
	// DialerConfig is the collector's.
	DialerConfig = stock.DialerConfig
	// AddrConfig has the collector's settings.
	AddrConfig stock.AddrConfig
	// TCPAddrConfig has the collector's settings.
	TCPAddrConfig stock.TCPAddrConfig
)

// The transports are the collector's.
const (
	TransportTypeTCP        = stock.TransportTypeTCP
	TransportTypeTCP4       = stock.TransportTypeTCP4
	TransportTypeTCP6       = stock.TransportTypeTCP6
	TransportTypeUDP        = stock.TransportTypeUDP
	TransportTypeUDP4       = stock.TransportTypeUDP4
	TransportTypeUDP6       = stock.TransportTypeUDP6
	TransportTypeIP         = stock.TransportTypeIP
	TransportTypeIP4        = stock.TransportTypeIP4
	TransportTypeIP6        = stock.TransportTypeIP6
	TransportTypeUnix       = stock.TransportTypeUnix
	TransportTypeUnixgram   = stock.TransportTypeUnixgram
	TransportTypeUnixPacket = stock.TransportTypeUnixPacket
	TransportTypeNpipe      = stock.TransportTypeNpipe
)

// NewDefaultDialerConfig is the collector's.
func NewDefaultDialerConfig() DialerConfig { return stock.NewDefaultDialerConfig() }

// NewDefaultAddrConfig has the collector's defaults.
func NewDefaultAddrConfig() AddrConfig { return AddrConfig(stock.NewDefaultAddrConfig()) }

// NewDefaultTCPAddrConfig has the collector's defaults.
func NewDefaultTCPAddrConfig() TCPAddrConfig { return TCPAddrConfig(stock.NewDefaultTCPAddrConfig()) }

// Dial connects as the collector's does.
func (a *AddrConfig) Dial(ctx context.Context) (net.Conn, error) {
	return (*stock.AddrConfig)(a).Dial(ctx)
}

// Listen listens as the collector's does, for a bounded number of connections.
func (a *AddrConfig) Listen(ctx context.Context) (net.Listener, error) {
	return limited((*stock.AddrConfig)(a).Listen(ctx))
}

// Validate says what the collector's does.
func (a *AddrConfig) Validate() error { return (*stock.AddrConfig)(a).Validate() }

// Dial connects as the collector's does.
func (a *TCPAddrConfig) Dial(ctx context.Context) (net.Conn, error) {
	return (*stock.TCPAddrConfig)(a).Dial(ctx)
}

// Listen listens as the collector's does, for a bounded number of connections.
func (a *TCPAddrConfig) Listen(ctx context.Context) (net.Listener, error) {
	return limited((*stock.TCPAddrConfig)(a).Listen(ctx))
}

// limited bounds the connections of a listener. One more waits in the kernel until another ends.
func limited(listener net.Listener, err error) (net.Listener, error) {
	if err != nil {
		return nil, err
	}
	most, err := strconv.Atoi(os.Getenv(MaxConnectionsVariable))
	if err != nil || most < 1 {
		most = maxConnections
	}
	return netutil.LimitListener(listener, most), nil
}
