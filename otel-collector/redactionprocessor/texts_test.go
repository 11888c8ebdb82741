package redactionprocessor

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// The texts that the monitor's tests go by, too (tests/test_secret_texts.py): a secret stands for each §.
func shared(t *testing.T) (texts struct {
	Gone   []struct{ Kind, Text string }
	Beside []struct{ Text, Keeps string }
	Stays  []string
}) {
	t.Helper()
	raw, err := os.ReadFile("testdata/texts.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestSharedTextsLoseTheirSecrets(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	made := masking(t)
	for number, one := range shared(t).Gone {
		text, secrets := planted(chance, one.Text)
		for _, around := range []string{"§", "before\n§\nafter", "before. §"} {
			masked := made.values.replace(strings.Replace(around, "§", text, 1))
			for _, secret := range secrets {
				for at := range len(secret) - 7 {
					if strings.Contains(masked, secret[at:at+8]) {
						t.Errorf("%s, text %d: a piece of it is left", one.Kind, number)
						break
					}
				}
			}
		}
	}
}

func TestSharedTextsWithoutSecretsStay(t *testing.T) {
	made := masking(t)
	for _, text := range shared(t).Stays {
		if masked := made.values.replace(text); masked != text {
			t.Errorf("%q became %q", text, masked)
		}
	}
}

func TestWhatStandsBesideASecretStays(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	made := masking(t)
	for number, one := range shared(t).Beside {
		text, secrets := planted(chance, one.Text)
		masked := made.values.replace(text)
		if !strings.Contains(masked, one.Keeps) {
			t.Errorf("text %d: %q is gone", number, one.Keeps)
		}
		for _, secret := range secrets {
			if strings.Contains(masked, secret) {
				t.Errorf("text %d: it is left", number)
			}
		}
	}
}

func TestColoursAndWidthlessLettersStayWhereTheyHideNothing(t *testing.T) {
	made := masking(t)
	for _, text := range []string{"\x1b[31mred\x1b[0m", "a\u200bb \\u200b", "\x1b]0;title\a \x1b]8;;unfinished", "\x1b", "\xe2\x80", "e\u0301 👨\u200d👩"} {
		if masked := made.values.replace(text); masked != text {
			t.Errorf("%q became %q", text, masked)
		}
	}
}

// planted puts 20 letters and digits for each §.
func planted(chance *rand.Rand, text string) (string, []string) {
	pieces := strings.Split(text, "§")
	var secrets []string
	for range pieces[1:] {
		secret := make([]byte, 20)
		for at := range secret {
			secret[at] = alphanumeric[chance.IntN(len(alphanumeric))]
		}
		secrets = append(secrets, string(secret))
	}
	filled := pieces[0]
	for at, secret := range secrets {
		filled += secret + pieces[at+1]
	}
	return filled, secrets
}
