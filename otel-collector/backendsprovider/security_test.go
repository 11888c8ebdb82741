package backendsprovider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair writes a certificate and its key, and returns their files.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}))),
		file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
}

func TestToken(t *testing.T) {
	for _, env := range []map[string]string{{tokenVariable: "secret"}, {tokenFileVariable: file(t, "token", "\nnew  word\nold\n")}} {
		conf, err := Load("debug", environment(env))
		if err != nil {
			t.Fatal(err)
		}
		for _, protocol := range []string{"grpc", "http"} {
			if got := conf.Get("receivers::otlp::protocols::" + protocol + "::auth::authenticator"); got != "bearertokenauth" {
				t.Errorf("%s: authenticator %v", protocol, got)
			}
		}
	}
}

func TestTLS(t *testing.T) {
	cert, key := pair(t)
	env := map[string]string{certVariable: cert, keyVariable: key, clientCAVariable: cert}
	conf, err := Load("debug", environment(env))
	if err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []string{"grpc", "http"} {
		tls, _ := conf.Get("receivers::otlp::protocols::" + protocol + "::tls").(map[string]any)
		if tls["cert_file"] == nil || tls["key_file"] == nil || tls["client_ca_file"] == nil {
			t.Errorf("%s: %v", protocol, tls)
		}
	}
	delete(env, clientCAVariable)
	if conf, err = Load("debug", environment(env)); err != nil || conf.IsSet("receivers::otlp::protocols::http::tls::client_ca_file") {
		t.Error(err)
	}
}

// Lists replace each other when configurations merge: what token.yaml starts is all that base.yaml does, and one more.
func TestTokenKeepsTheExtensions(t *testing.T) {
	base, err := Load("debug", environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	guarded, err := Load("debug", environment(map[string]string{tokenVariable: "secret"}))
	if err != nil {
		t.Fatal(err)
	}
	before := base.Get("service::extensions").([]any)
	want := append(slices.Clone(before[:len(before)-1]), "bearertokenauth", "otlp_guard")
	got := guarded.Get("service::extensions").([]any)
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestSecurityRefuses(t *testing.T) {
	cert, key := pair(t)
	_, other := pair(t)
	absent, empty, odd := filepath.Join(t.TempDir(), "absent"), file(t, "empty", "\n \n"), file(t, "odd", "good\nw\u00f6rd\n")
	folder := t.TempDir()
	cases := map[string]struct {
		env  map[string]string
		want string
	}{
		"space":       {map[string]string{tokenVariable: "a secret"}, tokenVariable + " must be visible ASCII characters without a space"},
		"newline":     {map[string]string{tokenVariable: "secret\n"}, tokenVariable + " must be visible ASCII characters without a space"},
		"two":         {map[string]string{tokenVariable: "a", tokenFileVariable: odd}, "set one of " + tokenVariable + " and " + tokenFileVariable + ", not both"},
		"no file":     {map[string]string{tokenFileVariable: absent}, tokenFileVariable + `="` + absent + `" can't be read: no such file or directory`},
		"folder":      {map[string]string{tokenFileVariable: folder}, tokenFileVariable + `="` + folder + `" can't be read: is a directory`},
		"empty file":  {map[string]string{tokenFileVariable: empty}, tokenFileVariable + `="` + empty + `" has no token in it`},
		"odd file":    {map[string]string{tokenFileVariable: odd}, tokenFileVariable + `="` + odd + `" has a token that isn't of visible ASCII characters`},
		"cert alone":  {map[string]string{certVariable: cert}, certVariable + " needs " + keyVariable},
		"key alone":   {map[string]string{keyVariable: key}, keyVariable + " needs " + certVariable},
		"CA alone":    {map[string]string{clientCAVariable: cert}, clientCAVariable + " needs " + certVariable + " and " + keyVariable},
		"no key file": {map[string]string{certVariable: cert, keyVariable: absent}, keyVariable + `="` + absent + `" can't be read: no such file or directory`},
		"no certs":    {map[string]string{certVariable: cert, keyVariable: key, clientCAVariable: empty}, clientCAVariable + `="` + empty + `" has no certificate in it (PEM)`},
		"no CA file":  {map[string]string{certVariable: cert, keyVariable: key, clientCAVariable: absent}, clientCAVariable + `="` + absent + `" can't be read: no such file or directory`},
		"other key":   {map[string]string{certVariable: cert, keyVariable: other}, certVariable + `="` + cert + `" and ` + keyVariable + `="` + other + `" are no pair: tls: private key does not match public key`},
		"reload":      {map[string]string{certVariable: cert, keyVariable: key, reloadVariable: "often"}, reloadVariable + `="often" is not a duration such as 90s, 5m or 1h30m`},
		"connections": {map[string]string{"ORCHESTRATOR_COLLECTOR_MAX_CONNECTIONS": "many"}, `ORCHESTRATOR_COLLECTOR_MAX_CONNECTIONS="many" is not a whole number from 1 to 1048576`},
		"budget":      {map[string]string{"ORCHESTRATOR_COLLECTOR_BODIES_MIB": "0"}, `ORCHESTRATOR_COLLECTOR_BODIES_MIB="0" is not a whole number from 16 to 1048576`},
		"bare IPv6":   {map[string]string{hostVariable: "::1"}, hostVariable + `="::1" is not a host: an IPv6 address stands in brackets, such as [::1]`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Load("debug", environment(c.env))
			if err == nil || err.Error() != "the collector: "+c.want {
				t.Errorf("\n got %v\nwant the collector: %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the token is shown")
			}
		})
	}
}

func TestPreflightRefusesAnOpenDoor(t *testing.T) {
	wide := environment(map[string]string{hostVariable: "0.0.0.0"})
	if err := Preflight([]string{"--config=backends:debug"}, wide); err == nil ||
		!strings.HasPrefix(err.Error(), `the collector: `+hostVariable+`="0.0.0.0" takes data from other machines: set `) {
		t.Error(err)
	}
	// A further file may close it, or open it: the package exposure sees them all.
	if err := Preflight([]string{"--config=backends:debug", "--config=file:own.yaml"}, wide); err != nil {
		t.Error(err)
	}
	guarded := environment(map[string]string{hostVariable: "0.0.0.0", tokenVariable: "secret"})
	if err := Preflight([]string{"--config=backends:debug"}, guarded); err != nil {
		t.Error(err)
	}
	cert, key := pair(t)
	tls := map[string]string{hostVariable: "[::]", certVariable: cert, keyVariable: key}
	if err := Preflight([]string{"--config=backends:debug"}, environment(tls)); err == nil {
		t.Error("TLS alone tells nobody who sends")
	}
	tls[clientCAVariable] = cert
	if err := Preflight([]string{"--config=backends:debug"}, environment(tls)); err != nil {
		t.Error(err)
	}
}
