package redactionprocessor

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// visible gives the text without what nobody sees and what could therefore hide a secret: a terminal's colours, control
// characters, letters without a width, each as it is or written out (`\u200b`). The monitor takes away the same
// (telemetry/clean/redact.py).
//
// What follows such a letter right behind a mask is the rest of the secret: it goes, too, and the answer says so. Not
// behind NUL, which ends a variable of a process's environment.
func visible(text string) (seen string, masked bool) {
	if hidesNothing(text) {
		return text, false
	}
	var shown strings.Builder
	done := 0
	for at := 0; at < len(text); {
		size := 0
		if suspect[text[at]] {
			size = hiddenAt(text[at:])
		}
		if size == 0 {
			at++
			continue
		}
		shown.WriteString(text[done:at])
		rest := strings.HasSuffix(text[:at], mask) && text[at] != 0
		for at += size; rest && at < len(text) && ofKeys[text[at]]; {
			masked = true
			at++
		}
		done = at
	}
	if done == 0 {
		return text, false
	}
	shown.WriteString(text[done:])
	return shown.String(), masked
}

// suspect are the bytes that something hidden begins with.
var suspect = setOf("\\\x1b\x00\b\xc2\xd8\xe1\xe2\xef\xf3")

// hidesNothing is quick, and true of most texts.
func hidesNothing(text string) bool {
	return strings.IndexByte(text, '\\') < 0 && strings.IndexByte(text, 0x1b) < 0 && strings.IndexByte(text, 0) < 0 &&
		strings.IndexByte(text, '\b') < 0 && isASCII(text)
}

func isASCII(text string) bool {
	for len(text) >= 8 {
		if (text[0]|text[1]|text[2]|text[3]|text[4]|text[5]|text[6]|text[7])&utf8.RuneSelf != 0 {
			return false
		}
		text = text[8:]
	}
	for at := range len(text) {
		if text[at] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hiddenAt gives how many bytes are hidden at the beginning of the text.
func hiddenAt(text string) int {
	switch text[0] {
	case 0x1b:
		return 1 + max(sequence(text[1:]), 0)
	case 0, '\b':
		return 1
	case '\\':
		return writtenOut(text)
	}
	letter, size := utf8.DecodeRuneInString(text)
	if hasNoWidth(letter) {
		return size
	}
	return 0
}

func hasNoWidth(letter rune) bool {
	switch {
	case letter >= 0x80 && letter < 0xa0, letter == 0xad, letter == 0x61c, letter == 0x180e:
		return true
	case letter >= 0x200b && letter <= 0x200f, letter >= 0x202a && letter <= 0x202e, letter >= 0x2060 && letter <= 0x206f:
		return true
	}
	return letter == 0xfeff || letter >= 0xfff9 && letter <= 0xfffb || letter >= 0xe0000 && letter <= 0xe00ff
}

// sequence gives how long the rest of a terminal's sequence is, behind its ESC: colours and movements, titles and links.
func sequence(text string) int {
	if text == "" {
		return 0
	}
	switch text[0] {
	case '[':
		return 1 + colour(text[1:])
	case ']', 'P', 'X', '^', '_':
		if end := strings.IndexAny(text, "\a\x1b"); end >= 0 {
			if strings.HasPrefix(text[end:], "\x1b\\") {
				end++
			}
			return end + 1
		}
		return 0
	}
	return 1
}

// colour gives how long `0;31m` is, or 0.
func colour(text string) int {
	at := 0
	for at < len(text) && at < 40 && text[at] >= ' ' && text[at] <= '?' {
		at++
	}
	if at < len(text) && text[at] >= '@' && text[at] <= '~' {
		return at + 1
	}
	return 0
}

// writtenOut gives how long an escape such as `\u200b` or `\x1b[31m` is, with its backslashes, or 0.
func writtenOut(text string) int {
	slashes := 1
	for slashes < len(text) && text[slashes] == '\\' {
		slashes++
	}
	code := text[slashes:]
	if slashes > 16 || code == "" || strings.IndexByte("ux0e", code[0]) < 0 {
		return 0
	}
	for _, escape := range []string{"u001b[", "u001B[", "x1b[", "x1B[", "033[", "e["} {
		if rest, found := strings.CutPrefix(code, escape); found {
			if size := colour(rest); size > 0 {
				return slashes + len(escape) + size
			}
			break
		}
	}
	digits := 0
	switch {
	case strings.HasPrefix(code, "u"):
		digits = 4
	case strings.HasPrefix(code, "x"):
		digits = 2
	default:
		return 0
	}
	letter, err := strconv.ParseUint(code[1:min(1+digits, len(code))], 16, 32)
	if err != nil || len(code) <= digits || !(letter < ' ' || letter == 0x7f || hasNoWidth(rune(letter))) {
		return 0
	}
	return slashes + 1 + digits
}
