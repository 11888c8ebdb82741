package redactionprocessor

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// A terminal, a mail or a box around a text (`│ … │`) breaks a key where the line is full: the rest stands at the
// beginning of the next one, behind its margin. Such words are looked for as they were before. The monitor does the same
// (telemetry/clean/wrapped.py).

const (
	shortestKey  = 16
	shortestWord = 8  // of what may be the rest of a key that is one without it
	longBegun    = 12 // so much of a key needs no rest that looks like one
	widestMargin = 40
	longestSign  = 16
	mostLines    = 16
)

type span struct{ start, end int }

func (s span) size() int { return s.end - s.start }

// wrapped gives the text with each piece of a cut secret masked.
func (s *search) wrapped(text string) string {
	if strings.IndexByte(text, '\n') >= 0 {
		text = s.wrappedBy("\n", text)
	}
	if strings.IndexByte(text, '\\') >= 0 && strings.Contains(text, `\n`) {
		text = s.wrappedBy(`\n`, text)
	}
	return text
}

func (s *search) wrappedBy(written, text string) string {
	var found []span
	s.chains(text, written, func(pieces []span) { found = append(found, s.cutSecrets(text, pieces)...) })
	return without(text, found)
}

// chains gives where the pieces stand of what may be one word: the end of a line, and the beginnings of those after it.
func (s *search) chains(text, written string, give func([]span)) {
	var pieces []span
	size := 0
	flush := func() {
		if len(pieces) > 1 && size >= shortestKey {
			give(pieces)
		}
		pieces, size = pieces[:0], 0
	}
	line := 0
	for {
		found := indexOf(text[line:], written)
		if found < 0 {
			break
		}
		at := line + found
		if behind := at + len(written); behind < len(text) && at > 0 && mayEnd[text[at-1]] && mayBegin[text[behind]] {
			end := endOfLine(text, at, written)
			if next := wordAt(text, afterMargin(text, behind)); next.size() > 0 && end > 0 && ofKeys[text[end-1]] {
				if len(pieces) == 0 || pieces[len(pieces)-1].end != end {
					flush()
					first := lastWord(text, line, end)
					pieces, size = append(pieces, first), first.size()
				}
				pieces, size = append(pieces, next), size+next.size()
			}
		}
		line = at + len(written)
	}
	flush()
}

func indexOf(text, written string) int {
	if len(written) == 1 {
		return strings.IndexByte(text, written[0])
	}
	return strings.Index(text, written)
}

func lastWord(text string, line, end int) span {
	start := end
	for start > line && ofKeys[text[start-1]] {
		start--
	}
	if start > line && start < end && text[start-1] == '\\' && strings.IndexByte("nrtbf", text[start]) >= 0 {
		start++ // of a break that is written out
	}
	return span{start, end}
}

func wordAt(text string, start int) span {
	end := start
	for end < len(text) && ofKeys[text[end]] {
		end++
	}
	return span{start, end}
}

// endOfLine gives where the line's text ends that the break at this place ends: before a frame, and before `\r`.
func endOfLine(text string, at int, written string) int {
	if last := text[at-1]; ofKeys[last] && strings.IndexByte("r23", last) < 0 {
		return at
	}
	carriage := "\r"
	if written != "\n" {
		carriage = `\r`
	}
	line := strings.TrimRight(text[:at], `\`)
	line = strings.TrimRight(strings.TrimSuffix(line, carriage), `\`)
	for _, frame := range frames {
		if inside, framed := strings.CutSuffix(line, frame); framed {
			return len(strings.TrimRight(inside, " \t"))
		}
	}
	for _, frame := range writtenFrames {
		if inside, framed := strings.CutSuffix(line, frame); framed && strings.HasSuffix(inside, `\`) {
			return len(strings.TrimRight(strings.TrimRight(inside, `\`), " \t"))
		}
	}
	return len(line)
}

func afterMargin(text string, at int) int {
	at = afterBlanks(text, at, widestMargin)
	if at == len(text) || ofKeys[text[at]] {
		return at
	}
	for _, frame := range margins {
		if strings.HasPrefix(text[at:], frame) {
			return afterBlanks(text, at+len(frame), 8)
		}
	}
	if text[at] == '\\' {
		for _, frame := range writtenFrames {
			if inside, framed := strings.CutPrefix(strings.TrimLeft(text[at:min(len(text), at+32)], `\`), frame); framed {
				return afterBlanks(text, min(len(text), at+32)-len(inside), 8)
			}
		}
	}
	return at
}

func afterBlanks(text string, at, most int) int {
	for end := at + most; at < len(text) && at < end && (text[at] == ' ' || text[at] == '\t'); {
		at++
	}
	return at
}

var (
	frames        = []string{"│", "┃", "|"}
	margins       = []string{"│", "┃", "|", ">"}
	writtenFrames = []string{"u2502", "u2503"}
)

const keyLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.~-"

var (
	ofKeys   = setOf(keyLetters)                 // the letters of keys
	mayEnd   = setOf(keyLetters + "\r\\|│┃")     // what may stand at the end of a line that a break cuts a key in
	mayBegin = setOf(keyLetters + " \t\r\\|>│┃") // and at the beginning of the next
)

func setOf(letters string) (set [256]bool) {
	for at := range len(letters) {
		set[letters[at]] = true
	}
	return set
}

// cutSecrets gives the pieces of what a pattern matches across their borders.
func (s *search) cutSecrets(text string, pieces []span) (found []span) {
	for first := 0; first < len(pieces)-1; {
		some := s.cutSecret(text, pieces[first:min(len(pieces), first+mostLines)])
		found = append(found, some...)
		first += max(1, len(some)-1)
	}
	return found
}

// cutSecret gives the pieces of a secret that begins in the first one, and goes on in the next.
func (s *search) cutSecret(text string, pieces []span) []span {
	size := pieces[0].size()
	var room [8]uint64
	begins := text[pieces[0].start:pieces[0].end] + text[pieces[1].start:min(pieces[1].end, pieces[1].start+longestSign)]
	tried := s.tried(begins, room[:0])
	if !s.anyOfOneWord(tried) {
		return nil
	}
	var joined strings.Builder
	for _, piece := range pieces {
		joined.WriteString(text[piece.start:piece.end])
	}
	word := joined.String()
	var found []span
	s.each(tried, func(one *pattern) {
		if !one.ofOneWord || one.run > len(word) || len(found) > 0 {
			return
		}
		for _, match := range one.FindAllStringIndex(word, -1) {
			if match[0] >= size {
				return
			}
			if match[1] <= size || match[0] > 0 && isAlphanumeric(word[match[0]-1:match[0]]) && isAlphanumeric(word[match[0]:size]) {
				continue // on one line, or `SK…` in `TASK`
			}
			found = s.piecesOf(text, pieces, word, match, one.Regexp)
			return
		}
	})
	return found
}

func (s *search) piecesOf(text string, pieces []span, word string, match []int, pattern *regexp.Regexp) []span {
	found := []span{{pieces[0].start + match[0], pieces[0].end}}
	done := pieces[0].size()
	for _, piece := range pieces[1:] {
		rest := text[piece.start:piece.end]
		goesToItsEnd := match[1] >= done+len(strings.TrimRight(rest, "=."))
		if done >= match[1] || !goesToItsEnd || !s.continues(word[match[0]:done], rest, pattern) {
			break
		}
		found = append(found, piece)
		done += len(rest)
	}
	if len(found) == 1 {
		return nil
	}
	return found
}

func (s *search) anyOfOneWord(tried []uint64) (any bool) {
	s.each(tried, func(one *pattern) { any = any || one.ofOneWord })
	return any
}

// continues says whether the rest may be the key's, and is no word that happens to begin the line after it.
func (s *search) continues(begun, rest string, pattern *regexp.Regexp) bool {
	if aTime.MatchString(rest) {
		return false
	}
	if whole := pattern.FindStringIndex(begun); whole != nil && whole[0] == 0 {
		return len(rest) >= shortestWord && mixed.MatchString(rest)
	}
	if _, inside := s.begun[begun]; inside { // the break is inside the sign, or right behind it
		return true
	}
	return strings.ContainsAny(rest, "0123456789") ||
		mixed.MatchString(begun) && (len(begun) >= longBegun || mixed.MatchString(rest))
}

var (
	aTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}`)
	mixed = regexp.MustCompile(`[0-9]|[a-z][A-Z]`)
)

func isAlphanumeric(text string) bool {
	for at := range len(text) {
		if letter := text[at]; !ofKeys[letter] || strings.IndexByte("_+/=.~-", letter) >= 0 {
			return false
		}
	}
	return text != ""
}

// without masks the spans.
func without(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	var shown strings.Builder
	done := 0
	for _, one := range spans {
		if one.start >= done {
			shown.WriteString(text[done:one.start])
			shown.WriteString(mask)
		}
		done = max(done, one.end)
	}
	shown.WriteString(text[done:])
	return shown.String()
}
