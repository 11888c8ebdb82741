package backendsprovider

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// inFile is the ending of a variable that names a file with another variable's value: DD_API_KEY_FILE.
const inFile = "_FILE"

// ReadFiles sets the variables of the backends that the command line chooses from the files that NAME_FILE names, where
// a secret shouldn't stand in an environment. White space around it doesn't count; an empty file leaves it unset. What is
// wrong with the choice itself is for Preflight to say.
func ReadFiles(args []string, lookup Lookup, set func(name, value string) error) error {
	specs, _ := chosen(args)
	for _, spec := range specs {
		files := sources(lookup)
		names, err := choose(spec, files, lookup)
		if err != nil {
			return nil
		}
		for _, backend := range names {
			for _, name := range referred(files, "backends/"+backend+".yaml") {
				if err := readInto(name, lookup, set); err != nil {
					return fmt.Errorf("backend %s: %w", backend, err)
				}
			}
		}
	}
	return nil
}

func readInto(name string, lookup Lookup, set func(name, value string) error) error {
	file, _ := lookup(name + inFile)
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s%s: %w", name, inFile, err)
	}
	value := strings.TrimSpace(string(text))
	switch already, _ := lookup(name); {
	case already == value: // empty, or read for another backend already
		return nil
	case already != "":
		return fmt.Errorf("%s and %s%s are both set: only one of them may be", name, name, inFile)
	default:
		return set(name, value)
	}
}

// referred are the variables that a backend's file refers to, sorted; none where it can't be read.
func referred(files []fs.FS, name string) []string {
	variables := map[string]variable{}
	if text, err := read(files, name); err == nil {
		if retrieved, err := confmap.NewRetrievedFromYAML(text); err == nil {
			if conf, err := retrieved.AsConf(); err == nil {
				collect(conf.ToStringMap(), variables)
			}
		}
	}
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
