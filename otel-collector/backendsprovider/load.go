package backendsprovider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"

	"orchestrator-telemetry/otel-collector/config"
)

// Lookup is os.LookupEnv, or a test's own environment.
type Lookup func(name string) (string, bool)

const (
	// Default needs no server: a page to scrape, and files.
	Default = "prometheus,file"

	extensionsKey    = "service::extensions"
	backendsVariable = "BACKENDS"
	dirVariable      = "ORCHESTRATOR_COLLECTOR_BACKENDS_DIR"
)

// Load joins base.yaml with the files of the backends named in spec, separated by commas. An empty spec means the
// variable BACKENDS, and that unset or empty, Default. Errors are one line, and name everything that is wrong.
func Load(spec string, lookup Lookup) (*confmap.Conf, error) {
	files := sources(lookup)
	names, err := choose(spec, files, lookup)
	if err != nil {
		return nil, err
	}
	result := confmap.New()
	problems := merge(result, files, "base.yaml", "the collector", lookup)
	problems = append(problems, merge(result, files, "ours/limits.yaml", "the collector", lookup)...)
	problems = append(problems, checkElsewhere(lookup)...)
	protecting, wrong := protections(lookup)
	for _, problem := range wrong {
		problems = append(problems, "the collector: "+problem)
	}
	for _, name := range protecting {
		problems = append(problems, merge(result, files, name, "the collector", lookup)...)
	}
	problems = append(problems, readLogFiles(result, files, lookup)...)
	problems = append(problems, readKafka(result, files, names, lookup)...)
	for _, name := range names {
		problems = append(problems, merge(result, files, "backends/"+name+".yaml", "backend "+name, lookup)...)
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	if err := bePatient(result); err != nil {
		return nil, err
	}
	return result, startGuard(result)
}

// startGuard adds otlp_guard to the extensions that run, after the one whose word it takes: that list is one which the
// stock distribution must be able to start too, and lists replace each other.
func startGuard(conf *confmap.Conf) error {
	running, _ := conf.Get(extensionsKey).([]any)
	return conf.Merge(confmap.NewFromStringMap(map[string]any{extensionsKey: append(slices.Clone(running), "otlp_guard")}))
}

// sources are the folders that may hold backends/NAME.yaml: the user's own first, then what is compiled in.
func sources(lookup Lookup) []fs.FS {
	if dir, _ := lookup(dirVariable); dir != "" {
		return []fs.FS{ownBackends{os.DirFS(dir)}, config.FS}
	}
	return []fs.FS{config.FS}
}

// ownBackends shows a flat folder of NAME.yaml as backends/NAME.yaml.
type ownBackends struct{ fs.FS }

func (o ownBackends) Open(name string) (fs.File, error) {
	if name == "backends" {
		return o.FS.Open(".")
	}
	if rest, found := strings.CutPrefix(name, "backends/"); found {
		return o.FS.Open(rest)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// known lists the names that may be chosen, sorted.
func known(files []fs.FS) []string {
	var names []string
	for _, source := range files {
		entries, _ := fs.ReadDir(source, "backends")
		for _, entry := range entries {
			if name, found := strings.CutSuffix(entry.Name(), ".yaml"); found && !entry.IsDir() {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func choose(spec string, files []fs.FS, lookup Lookup) ([]string, error) {
	if strings.TrimSpace(spec) == "" {
		spec, _ = lookup(backendsVariable)
	}
	if strings.TrimSpace(spec) == "" {
		spec = Default
	}
	all := known(files)
	var names, unknown []string
	for _, name := range strings.Split(spec, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "" || slices.Contains(names, name):
		case slices.Contains(all, name):
			names = append(names, name)
		default:
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unknown backend %s; known: %s", strings.Join(unknown, ", "), strings.Join(all, ", "))
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no backend in %q; known: %s", spec, strings.Join(all, ", "))
	}
	return names, nil
}

// merge joins one file into result and returns what is wrong with it, each problem beginning with owner.
func merge(result *confmap.Conf, files []fs.FS, name, owner string, lookup Lookup) []string {
	text, err := read(files, name)
	if err != nil {
		return []string{owner + ": " + oneLine(err)}
	}
	retrieved, err := confmap.NewRetrievedFromYAML(text)
	if err != nil {
		return []string{owner + ": " + path.Base(name) + ": " + oneLine(err)}
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		return []string{owner + ": " + path.Base(name) + ": " + oneLine(err)}
	}
	problems := check(owner, conf.ToStringMap(), lookup)
	if err := result.Merge(conf); err != nil {
		problems = append(problems, owner+": "+oneLine(err))
	}
	return problems
}

func read(files []fs.FS, name string) ([]byte, error) {
	for _, source := range files {
		text, err := fs.ReadFile(source, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return text, err
		}
	}
	return nil, fmt.Errorf("%s is missing", name)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
