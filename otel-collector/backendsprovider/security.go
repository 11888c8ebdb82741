package backendsprovider

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const (
	hostVariable      = "ORCHESTRATOR_COLLECTOR_HOST"
	tokenVariable     = "ORCHESTRATOR_COLLECTOR_TOKEN"
	tokenFileVariable = "ORCHESTRATOR_COLLECTOR_TOKEN_FILE"
	certVariable      = "ORCHESTRATOR_COLLECTOR_TLS_CERT"
	keyVariable       = "ORCHESTRATOR_COLLECTOR_TLS_KEY"
	clientCAVariable  = "ORCHESTRATOR_COLLECTOR_TLS_CLIENT_CA"
	reloadVariable    = "ORCHESTRATOR_COLLECTOR_TLS_RELOAD"
)

// protections are the files under security/ that the variables ask for, and what is wrong with what they name.
func protections(lookup Lookup) (files, problems []string) {
	value := func(name string) string { text, _ := lookup(name); return text }
	if value(tokenVariable) != "" || value(tokenFileVariable) != "" {
		files = append(files, "security/token.yaml", "ours/token.yaml")
		problems = append(problems, wrongToken(value(tokenVariable), value(tokenFileVariable))...)
	}
	cert, key, authority := value(certVariable), value(keyVariable), value(clientCAVariable)
	if cert == "" && key == "" && authority == "" {
		return files, problems
	}
	if cert == "" || key == "" {
		return files, append(problems, missingHalf(cert, key))
	}
	files = append(files, "security/tls.yaml")
	problems = append(problems, wrongPair(cert, key)...)
	if authority != "" {
		files = append(files, "security/mtls.yaml")
		if pem, problem := contents(clientCAVariable, authority); problem != "" {
			problems = append(problems, problem)
		} else if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			problems = append(problems, fmt.Sprintf("%s=%q has no certificate in it (PEM)", clientCAVariable, authority))
		}
	}
	return files, problems
}

func wrongToken(token, file string) []string {
	if token != "" && file != "" {
		return []string{"set one of " + tokenVariable + " and " + tokenFileVariable + ", not both"}
	}
	if token != "" {
		if !isToken(token) {
			return []string{tokenVariable + " must be visible ASCII characters without a space"}
		}
		return nil
	}
	text, problem := contents(tokenFileVariable, file)
	if problem != "" {
		return []string{problem}
	}
	found := false
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		found = true
		if !isToken(words[0]) {
			return []string{fmt.Sprintf("%s=%q has a token that isn't of visible ASCII characters", tokenFileVariable, file)}
		}
	}
	if !found {
		return []string{fmt.Sprintf("%s=%q has no token in it", tokenFileVariable, file)}
	}
	return nil
}

// isToken: what the header of a request can carry as one word.
func isToken(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

func missingHalf(cert, key string) string {
	switch {
	case cert == "" && key == "":
		return clientCAVariable + " needs " + certVariable + " and " + keyVariable
	case cert == "":
		return keyVariable + " needs " + certVariable
	}
	return certVariable + " needs " + keyVariable
}

func wrongPair(cert, key string) []string {
	certPEM, certProblem := contents(certVariable, cert)
	keyPEM, keyProblem := contents(keyVariable, key)
	var problems []string
	for _, problem := range []string{certProblem, keyProblem} {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		return []string{fmt.Sprintf("%s=%q and %s=%q are no pair: %s", certVariable, cert, keyVariable, key, oneLine(err))}
	}
	return nil
}

// contents of the file that a variable names, or what hinders reading it.
func contents(variable, file string) ([]byte, string) {
	text, err := os.ReadFile(file)
	if err == nil {
		return text, ""
	}
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return nil, fmt.Sprintf("%s=%q can't be read: %v", variable, file, err)
}
