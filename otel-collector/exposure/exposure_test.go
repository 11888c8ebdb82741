package exposure

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"
)

func environment(pairs ...string) Lookup {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func receivers(t *testing.T, yaml string) *confmap.Conf {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte("receivers: " + yaml))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := retrieved.AsConf()
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

func TestLoopback(t *testing.T) {
	for _, host := range []string{"localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"} {
		if !IsLoopback(host) {
			t.Error(host)
		}
	}
	for _, host := range []string{"", "0.0.0.0", "::", "[::]", "10.0.0.1", "127.evil.example", "localhost.example", "128.0.0.1", "0"} {
		if IsLoopback(host) {
			t.Error(host)
		}
	}
}

func TestClosed(t *testing.T) {
	for _, yaml := range []string{
		"{}",
		"{otlp: {protocols: {grpc: , http: }}}",
		"{otlp: {protocols: {grpc: {endpoint: '127.0.0.1:4317'}, http: {endpoint: '[::1]:4318'}}}}",
		"{otlp: {protocols: {http: {endpoint: '0.0.0.0:1', auth: {authenticator: bearertokenauth}}}}}",
		"{otlp: {protocols: {grpc: {endpoint: '0.0.0.0:1', tls: {client_ca_file: ca.pem}}}}}",
		"{otlp: {protocols: {grpc: {endpoint: /run/otlp.sock, transport: unix}}}}",
		"{prometheus: {endpoint: '0.0.0.0:1'}}",
	} {
		if err := Check(receivers(t, yaml), environment(), nil); err != nil {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, yaml := range []string{
		"{otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}}",
		"{otlp: {protocols: {http: {endpoint: '[::]:4318'}}}}",
		"{otlp: {protocols: {http: {endpoint: ':4318'}}}}",
		"{otlp: {protocols: {http: {endpoint: '10.0.0.1:1', tls: {cert_file: a, key_file: b}}}}}",
		"{otlp/second: {protocols: {http: {endpoint: 'host.example:1'}}}}",
		"{otlp: {protocols: {http: {endpoint: '0.0.0.0:1', auth: {authenticator: x}}, grpc: {endpoint: '0.0.0.0:2'}}}}",
	} {
		if err := Check(receivers(t, yaml), environment(), nil); err == nil || !strings.HasSuffix(err.Error(), remedy) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

func TestPublished(t *testing.T) {
	wide := receivers(t, "{otlp: {protocols: {http: {endpoint: '0.0.0.0:4318'}}}}")
	here := environment(hostVariable, "0.0.0.0", publishedVariable, "127.0.0.1")
	if err := Check(wide, here, nil); err != nil {
		t.Error(err)
	}
	cases := map[string]struct {
		lookup Lookup
		cards  []string
		want   string
	}{
		"nothing said": {environment(hostVariable, "0.0.0.0"), nil, hostVariable + `="0.0.0.0" takes data from other machines: `},
		"by a file":    {environment(), nil, `the OTLP receiver's host="0.0.0.0" takes data from other machines: `},
		"elsewhere":    {environment(publishedVariable, "10.0.0.1"), nil, publishedVariable + `="10.0.0.1" takes data from other machines: `},
		"host network": {here, []string{"eth0"}, publishedVariable + `="127.0.0.1" isn't so: this is the network of a whole machine, with eth0: `},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if err := Check(wide, c.lookup, c.cards); err == nil || err.Error() != c.want+remedy {
				t.Errorf("\n got %v\nwant %s", err, c.want+remedy)
			}
		})
	}
}
