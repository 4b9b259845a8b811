package sim

import (
	"fmt"
	"regexp"
	"strings"
)

// instanceHead returns where the head of an instance lies in a Verilog text, from its
// module's name over its parameters to its own name:
//
//	mvau #(.MW(784), ...) u_fc1_mvau
//
// The text may be edited by hand: blanks and comments may stand anywhere.
func instanceHead(text, instance string) (from, to int, err error) {
	code := blankOut(text)
	// Looked for in the code alone: a name in a comment is no instance.
	m := regexp.MustCompile(`\b` + regexp.QuoteMeta(instance) + `\s*\(`).FindStringIndex(code)
	if m == nil {
		return 0, 0, fmt.Errorf("no instance %s", instance)
	}
	to = m[0] + len(instance)
	at := skipBack(code, m[0])
	// Backwards from the name: parameters may hold any expression, brackets included.
	if at > 0 && code[at-1] == ')' {
		if at = openParen(code, at-1); at < 0 {
			return 0, 0, fmt.Errorf("instance %s: the parameters' brackets do not match", instance)
		}
		if at = skipBack(code, at); at == 0 || code[at-1] != '#' {
			return 0, 0, fmt.Errorf("instance %s: no # before its parameters", instance)
		}
		at = skipBack(code, at-1)
	}
	for from = at; from > 0 && isWord(code[from-1]); {
		from--
	}
	// Such as in "; u_x (": a task call, or text that somebody cut off.
	if from == at {
		return 0, 0, fmt.Errorf("instance %s: no module before it", instance)
	}
	return from, to, nil
}

// replaceHead puts the head that an instance has in one text into another.
func replaceHead(into, edited, instance string) (string, error) {
	// Module and parameters, but not the connections: those are of the text that it goes into.
	from, to, err := instanceHead(edited, instance)
	if err != nil {
		return "", err
	}
	at, end, err := instanceHead(into, instance)
	if err != nil {
		return "", err
	}
	// As text: whatever expression the user wrote for a parameter, the simulator evaluates it.
	return into[:at] + edited[from:to] + into[end:], nil
}

var commentOrString = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"`)

// blankOut returns the text with blanks for its comments and strings, as long as it was.
func blankOut(text string) string {
	return commentOrString.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat(" ", len(s)) })
}

// skipBack returns the end of what stands before the blanks that end at position at.
func skipBack(code string, at int) int { return len(strings.TrimRight(code[:at], " \t\r\n")) }

// openParen returns the position of the bracket that the one at closes, -1 for none.
func openParen(code string, at int) int {
	// Of code without comments and strings: a bracket in one of those closes nothing.
	for depth := 0; at >= 0; at-- {
		switch code[at] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return at
			}
		}
	}
	return -1
}

// isWord says whether a byte may be part of a Verilog name; escaped names are not generated.
func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
