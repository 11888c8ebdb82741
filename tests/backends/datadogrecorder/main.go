// Command datadogrecorder speaks the part of Datadog's intake that the collector's exporter uses, and keeps what it
// was sent, decoded, to be asked for over HTTP. It is a recorder for tests: it judges nothing and forgets at exit.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "loopback address to listen on")
	key := flag.String("api-key", "", "the only API key accepted; empty: any key, but one must be sent")
	flag.Parse()
	if err := run(*address, *key); err != nil {
		fmt.Fprintln(os.Stderr, "datadogrecorder:", err)
		os.Exit(1)
	}
}

func run(address, key string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening on", listener.Addr())
	server := &http.Server{Handler: newRecorder(key).handler(), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}
