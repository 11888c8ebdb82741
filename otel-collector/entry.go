package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"orchestrator-telemetry/otel-collector/backendsprovider"
	"orchestrator-telemetry/otel-collector/filestorageextension"
	"orchestrator-telemetry/otel-collector/systemd"
)

// This file is written by hand; main.go and components.go beside it come from the builder and are not to be changed.
// What must happen before the generated main does:
func init() {
	if len(os.Args) == 2 && os.Args[1] == "healthcheck" {
		os.Exit(healthcheck())
	}
	if len(os.Args) > 2 && os.Args[1] == filestorageextension.CheckCommand {
		os.Exit(checkQueueFiles(os.Args[2:]))
	}
	// The Datadog exporter's libraries ask a cloud's metadata address for names otherwise.
	if _, set := os.LookupEnv("AWS_EC2_METADATA_DISABLED"); !set {
		_ = os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	}
	err := backendsprovider.ReadFiles(os.Args[1:], os.LookupEnv, os.Setenv)
	if err == nil {
		err = backendsprovider.Preflight(os.Args[1:], os.LookupEnv)
	}
	isSubcommand := len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") // such as validate
	if err == nil {
		err = queuesHaveAPlace(isSubcommand)
	}
	if err != nil {
		say(err.Error())
		os.Exit(2)
	}
	if isSubcommand {
		return
	}
	if os.Getenv("ORCHESTRATOR_COLLECTOR_EXIT_WITH_STDIN") != "" {
		go exitWithParent()
	}
	go boundShutdown()
	go tellSystemd()
}

// queuesHaveAPlace says in one line what the storage would say in seventeen. A subcommand changes nothing.
func queuesHaveAPlace(isSubcommand bool) error {
	const name = "ORCHESTRATOR_COLLECTOR_QUEUE_DIR"
	folder := os.Getenv(name)
	if folder == "" || os.Getenv("ORCHESTRATOR_COLLECTOR_QUEUE_STORAGE") == "null" {
		return nil
	}
	check := filestorageextension.Hold
	if isSubcommand {
		check = filestorageextension.CouldHold
	}
	if err := check(folder); err != nil {
		return fmt.Errorf("%s=%q can't hold the queues: %w; allowed is a folder in which this user may write, or that can be made", name, folder, err)
	}
	return nil
}

// checkQueueFiles is what the collector calls itself with before it uses these files: 0 means that all of them are sound.
func checkQueueFiles(files []string) int {
	if err := filestorageextension.Check(files); err != nil {
		say(err.Error())
		return 1
	}
	return 0
}

func say(text string) { fmt.Fprintln(os.Stderr, "otelcol-orchestrator: "+text) }

// exitWithParent ends the process when its standard input does: the program that started it holds the other end of the
// pipe, and the kernel closes that however the program ends, kill -9 included.
func exitWithParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	time.AfterFunc(2*time.Second, func() { os.Exit(1) })
	terminate()
}

func terminate() {
	if self, err := os.FindProcess(os.Getpid()); err != nil || self.Signal(syscall.SIGTERM) != nil {
		os.Exit(1)
	}
}

// boundShutdown ends a shutdown that doesn't: with a backend down, the Elasticsearch exporter's last retries go on for
// ever after SIGTERM. The signal is repeated, because the collector listens for it only some time after it has said that
// everything is ready: one that comes before would be lost.
func boundShutdown() {
	seconds, err := strconv.ParseFloat(os.Getenv("ORCHESTRATOR_COLLECTOR_STOP_SECONDS"), 64)
	if err != nil || seconds <= 0 {
		seconds = 8
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, os.Interrupt)
	<-asked
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
		terminate()
	}
	say(fmt.Sprintf("the shutdown took longer than %g s: what is queued is sent after the next start", seconds))
	os.Exit(1)
}

// tellSystemd says that the collector is ready when it is, and that it is well while it is: for Type=notify and WatchdogSec.
func tellSystemd() {
	failed := func(err error) { say("systemd can't be told how it is: " + err.Error()) }
	manager, err := systemd.Of(os.LookupEnv, os.Getpid(), failed)
	if err != nil {
		failed(err)
		return
	}
	manager.KeepTold(health, time.Sleep)
}

// healthcheck asks the collector in the same container how it is, for an image that has no other program: 0 is well.
func healthcheck() int {
	if err := health(); err != nil {
		say(err.Error())
		return 1
	}
	return 0
}

// health is nil where the collector at the address that the environment names says that it is well.
func health() error {
	host, port := strings.Trim(os.Getenv("ORCHESTRATOR_COLLECTOR_HOST"), "[]"), os.Getenv("ORCHESTRATOR_COLLECTOR_HEALTH_PORT")
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "13133"
	}
	client := http.Client{Timeout: 3 * time.Second}
	response, err := client.Get("http://" + net.JoinHostPort(host, port) + "/")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}
