package redactionprocessor

import (
	"fmt"
	"math/bits"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

const (
	mask           = "****"
	mostBeginnings = 64
	longEnough     = 8 // of a beginning: a longer one is only more ways of writing it
	headSize       = 3
)

// search replaces what any of many patterns matches; of a pattern with a group, what the group matches stays. Each match begins with one of few literals, which are found in one
// pass; only patterns whose literal is there are tried. A pattern without such literals is always tried, unless the text
// lacks what else a match can't be without.
type search struct {
	patterns []pattern
	always   []uint64
	heads    [1 << 16 / 64]uint64 // of which three bytes some literal begins, by their hash
	groups   [1 << 16]uint16      // and where the literals of that hash stand
	literals [][]literal
	short    []beginning // those of one or two bytes

	begun map[string]struct{} // what literals of one word begin with, and these themselves
}

type pattern struct {
	*regexp.Regexp
	shown string   // instead of what it matches
	needs []string // all stand in every match
	run   int      // so many bytes without a blank or a control character do, too

	ofOneWord bool // it matches nothing with a blank or a control character
}

type literal struct {
	text    string
	pattern int
}

type beginning struct {
	text     string
	patterns []int
}

func newSearch(patterns []string) (*search, error) {
	s := &search{always: make([]uint64, (len(patterns)+63)/64), begun: map[string]struct{}{}}
	for number, text := range patterns {
		compiled, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("blocked_values[%d]: %w", number, err)
		}
		parsed, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("blocked_values[%d]: %w", number, err)
		}
		parsed = parsed.Simplify()
		run, ofOneWord := unbroken(parsed)
		shown := mask
		if compiled.NumSubexp() > 0 { // what stands before the secret
			shown = "${1}" + mask
		}
		s.patterns = append(s.patterns, pattern{compiled, shown, literals(parsed), run, ofOneWord})
		found, _ := beginnings(parsed)
		if !useful(found) {
			s.always[number/64] |= 1 << (number % 64)
			continue
		}
		for _, text := range found {
			s.add(literal{text, number})
			for size := 1; ofOneWord && size <= len(text); size++ {
				s.begun[text[:size]] = struct{}{}
			}
		}
	}
	return s, nil
}

func (s *search) add(found literal) {
	if len(found.text) < headSize {
		at := slices.IndexFunc(s.short, func(one beginning) bool { return one.text == found.text })
		if at < 0 {
			at = len(s.short)
			s.short = append(s.short, beginning{text: found.text})
		}
		s.short[at].patterns = append(s.short[at].patterns, found.pattern)
		return
	}
	head := hash(uint32(found.text[0]) | uint32(found.text[1])<<8 | uint32(found.text[2])<<16)
	if s.heads[head/64]&(1<<(head%64)) == 0 {
		s.heads[head/64] |= 1 << (head % 64)
		s.groups[head] = uint16(len(s.literals))
		s.literals = append(s.literals, nil)
	}
	group := &s.literals[s.groups[head]]
	*group = append(*group, found)
}

// hash is for three bytes, the first of them lowest.
func hash(three uint32) uint16 {
	return uint16(three * 0x9E3779B1 >> 16)
}

// replace gives the text with every match masked, also of what a line break cuts and what hidden letters stand in; these
// go then.
func (s *search) replace(text string) string {
	masked := s.replaceSeen(text)
	if seen, more := visible(masked); len(seen) < len(masked) {
		if shown := s.replaceSeen(seen); more || shown != seen {
			return shown
		}
	}
	return masked
}

func (s *search) replaceSeen(text string) string {
	return s.replaceLines(s.wrapped(text))
}

// tried gives the patterns that may match, as bits.
func (s *search) tried(text string, room []uint64) []uint64 {
	tried := append(room, s.always...)
	for number := range s.short {
		if one := &s.short[number]; strings.Contains(text, one.text) {
			for _, pattern := range one.patterns {
				tried[pattern/64] |= 1 << (pattern % 64)
			}
		}
	}
	var three uint32
	for at := range len(text) {
		three = three>>8 | uint32(text[at])<<16
		head := hash(three)
		if s.heads[head/64]&(1<<(head%64)) == 0 {
			continue
		}
		if at < headSize-1 {
			continue
		}
		for _, one := range s.literals[s.groups[head]] {
			if strings.HasPrefix(text[at+1-headSize:], one.text) {
				tried[one.pattern/64] |= 1 << (one.pattern % 64)
			}
		}
	}
	return tried
}

func (s *search) each(tried []uint64, do func(*pattern)) {
	for word, left := range tried {
		for ; left != 0; left &= left - 1 {
			do(&s.patterns[word*64+bits.TrailingZeros64(left)])
		}
	}
}

func (s *search) replaceLines(text string) string {
	var room [8]uint64
	longest := -1
	s.each(s.tried(text, room[:0]), func(pattern *pattern) {
		if pattern.run > len(text) || !containsAll(text, pattern.needs) {
			return
		}
		if longest < 0 {
			longest = longestRun(text)
		}
		if pattern.run <= longest && pattern.MatchString(text) {
			text = pattern.ReplaceAllString(text, pattern.shown)
			longest = -1
		}
	})
	return text
}

func containsAll(text string, needed []string) bool {
	for _, one := range needed {
		if !strings.Contains(text, one) {
			return false
		}
	}
	return true
}

func longestRun(text string) (longest int) {
	run := 0
	for at := range len(text) {
		if text[at] <= ' ' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

func useful(found []string) bool {
	for _, text := range found {
		if text == "" {
			return false
		}
	}
	return len(found) > 0
}

// beginnings gives the literals of which one begins every match, and whether they are all that the expression matches.
// Nil where there are none, or too many.
func beginnings(re *syntax.Regexp) (found []string, whole bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}, true
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return ofFolded(re.Rune)
		}
		return []string{string(re.Rune)}, true
	case syntax.OpCharClass:
		return ofClass(re.Rune)
	case syntax.OpCapture:
		return beginnings(re.Sub[0])
	case syntax.OpPlus:
		found, _ = beginnings(re.Sub[0])
		return found, false
	case syntax.OpQuest:
		found, whole = beginnings(re.Sub[0])
		return append([]string{""}, found...), whole && found != nil
	case syntax.OpAlternate:
		return ofAny(re.Sub)
	case syntax.OpConcat:
		return ofAll(re.Sub)
	}
	return nil, false
}

// ofFolded is for a letter that may be small or a capital; words in any case have too many ways of being written.
func ofFolded(letters []rune) (found []string, whole bool) {
	if len(letters) > 1 {
		return nil, false
	}
	found = append(found, string(letters[0]))
	for other := unicode.SimpleFold(letters[0]); other != letters[0]; other = unicode.SimpleFold(other) {
		found = append(found, string(other))
	}
	return found, true
}

func ofClass(pairs []rune) (found []string, whole bool) {
	for at := 0; at < len(pairs); at += 2 {
		for letter := pairs[at]; letter <= pairs[at+1]; letter++ {
			if len(found) == 8 {
				return nil, false
			}
			found = append(found, string(letter))
		}
	}
	return found, true
}

func ofAny(subs []*syntax.Regexp) (found []string, whole bool) {
	whole = true
	for _, sub := range subs {
		some, all := beginnings(sub)
		if some == nil || len(found)+len(some) > mostBeginnings {
			return nil, false
		}
		found, whole = append(found, some...), whole && all
	}
	return found, whole
}

func ofAll(subs []*syntax.Regexp) (found []string, whole bool) {
	found = []string{""}
	for _, sub := range subs {
		some, all := beginnings(sub)
		if some == nil || len(found)*len(some) > mostBeginnings || len(found[0]) >= longEnough {
			return found, false
		}
		var joined []string
		for _, first := range found {
			for _, second := range some {
				joined = append(joined, first+second)
			}
		}
		if found = joined; !all {
			return found, false
		}
	}
	return found, true
}

// literals gives texts that all stand in every match.
func literals(re *syntax.Regexp) (found []string) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			found = append(found, string(re.Rune))
		}
	case syntax.OpCapture, syntax.OpPlus:
		found = literals(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			found = append(found, literals(sub)...)
		}
	}
	return found
}

// unbroken gives how many bytes without a blank or a control character stand in every match, and whether such bytes are
// all that it matches.
func unbroken(re *syntax.Regexp) (run int, pure bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return 0, true
	case syntax.OpLiteral:
		for _, letter := range re.Rune {
			if letter <= ' ' {
				return 0, false
			}
		}
		return len(re.Rune), true
	case syntax.OpCharClass:
		if len(re.Rune) == 0 || re.Rune[0] <= ' ' {
			return 0, false
		}
		return 1, true
	case syntax.OpCapture, syntax.OpPlus:
		return unbroken(re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		_, pure = unbroken(re.Sub[0])
		return 0, pure
	case syntax.OpAlternate:
		run, pure = unbroken(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			one, all := unbroken(sub)
			run, pure = min(run, one), pure && all
		}
		return run, pure
	case syntax.OpConcat:
		return unbrokenOf(re.Sub)
	}
	return 0, false
}

func unbrokenOf(subs []*syntax.Regexp) (longest int, pure bool) {
	run := 0
	pure = true
	for _, sub := range subs {
		one, all := unbroken(sub)
		if all {
			run += one
		} else {
			run, pure = 0, false
			longest = max(longest, one)
		}
		longest = max(longest, run)
	}
	return longest, pure
}
