package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// A rule says what the value of a flag may be, and whether it names a file. Every flag
// that takes a value has one (TestEveryFlagHasARule): checkFlags applies them to every
// command line before anything is read, so that a value out of range is wrong usage
// whatever the files hold. One table for all commands, rather than checks in each action,
// keeps the words, the exit status and the tests of the limits the same everywhere.
type rule struct {
	// want says in words what the value may be.
	want string
	// allows takes an int, a uint64, a float64 or a string, as the flag's type is.
	allows func(value any) bool
	// use is what the command does with the file that the value names. checkPaths keeps
	// outputs away from inputs by it.
	use fileUse
	// outside are values, as typed, that the rule refuses, for the tests: the first on
	// either side of a range, and what is no value of its kind.
	outside []string
}

// ints is a whole number of lo to hi. Both ends count. The largest int as hi leaves the
// range open above.
func ints(lo, hi int) rule {
	r := rule{
		want:   fmt.Sprintf("%d..%d", lo, hi),
		allows: func(v any) bool { n, ok := v.(int); return ok && n >= lo && n <= hi },
		// Beyond an int, no number, a fraction, NaN, and nothing at all.
		outside: []string{strconv.Itoa(lo - 1), "99999999999999999999", "x", "1.5", "NaN", ""},
	}
	if hi == math.MaxInt {
		r.want = fmt.Sprintf("at least %d", lo)
		return r
	}
	r.outside = append(r.outside, strconv.Itoa(hi+1))
	return r
}

// seeds is any uint64. Whatever the parser accepts is one.
func seeds() rule {
	return rule{want: "0..18446744073709551615", outside: []string{"-1", "18446744073709551616", "x", "1.5", ""},
		allows: func(any) bool { return true }}
}

// noNumbers are texts that parse as no finite number, for the tests. strconv parses the
// words and returns an infinity with the error for the overflow.
var noNumbers = []string{"NaN", "Inf", "-Inf", "1e999", "x", ""}

// reals is a finite number for which ok holds. NaN passes every comparison that is written
// as a refusal, hence its own test.
func reals(want string, ok func(v float64) bool, outside ...string) rule {
	return rule{want: want, outside: append(outside, noNumbers...), allows: func(v any) bool {
		f, is := v.(float64)
		return is && !math.IsNaN(f) && !math.IsInf(f, 0) && ok(f)
	}}
}

// positive is a number above 0 and at most hi. The value next above hi is refused too, by
// a test.
func positive(hi float64) rule {
	return reals(fmt.Sprintf("more than 0 and at most %g", hi), func(v float64) bool { return v > 0 && v <= hi },
		"0", "-1", "-1e300", strconv.FormatFloat(math.Nextafter(hi, math.Inf(1)), 'g', -1, 64))
}

// texts is a text for which check returns no error. The empty text is never one: it is an
// unset variable of a shell.
func texts(want string, check func(text string) error, outside ...string) rule {
	return rule{want: want, outside: append(outside, ""), allows: func(v any) bool {
		s, ok := v.(string)
		return ok && s != "" && check(s) == nil
	}}
}

// oneOf is one of some names. Names are exact: no abbreviations, which a later name could
// make ambiguous, and no other case.
func oneOf(names ...string) rule {
	want := names[0]
	if last := len(names) - 1; last > 0 {
		want = strings.Join(names[:last], ", ") + " or " + names[last]
	}
	return texts(want, func(s string) error {
		if !slices.Contains(names, s) {
			return fmt.Errorf("no %q", s)
		}
		return nil
	}, "nosuch", strings.ToUpper(names[0])+" ", names[0]+",")
}

// anyText is a text that is not empty, which only the files can judge.
func anyText(want string) rule { return texts(want, func(string) error { return nil }) }

// file is the path of a file or folder that the command uses so. Whether it exists and may
// be read or written is for checkPaths and the readers to say: the rule sees the text
// alone.
func file(use fileUse) rule {
	r := anyText(use.want())
	if use == readsData { // one path, or two with a comma between
		r = texts(use.want(), func(s string) error {
			if parts := strings.Split(s, ","); len(parts) > 2 || slices.Contains(parts, "") {
				return fmt.Errorf("%d parts", len(parts))
			}
			return nil
		}, "a,b,c", "a,", ",b", ",")
	}
	r.use = use
	return r
}

// checkFlags is what every command does before its action: it returns a usage error unless
// each flag that is set keeps its rule, and no output takes an input's place. Flags that
// are not set are not checked: defaults are right by construction, and some stand outside
// of the rule to mean "none".
func checkFlags(c *cli.Context) error {
	r := rulesOf[c.Command.Name]
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		// Flags without a value have no rule.
		rule, ok := r.flags[name]
		if !ok || !c.IsSet(name) {
			continue
		}
		for _, v := range values(c.Value(name)) {
			if !rule.allows(v) {
				return usagef("%s: --%s is %s, want %s", c.Command.Name, name, shownValue(v), rule.want)
			}
		}
	}
	// After the values: a path that is empty has been refused by then.
	return checkPaths(c)
}

// values returns the one value of a flag, or those of one that may be repeated. Each of
// them must keep the rule.
func values(v any) []any {
	list, ok := v.(cli.StringSlice)
	if !ok {
		return []any{v}
	}
	var all []any
	for _, s := range list.Value() {
		all = append(all, s)
	}
	return all
}

// shownValue quotes texts, so that blanks at their ends show.
func shownValue(v any) string {
	switch s, ok := v.(string); {
	case ok && s == "":
		return "empty"
	case ok:
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

// unparsed is how the flag parser says that a value is no number, or a boolean none. The
// library has no type for these errors; TestOutOfRange would show a change
// of its words.
var unparsed = regexp.MustCompile(`(?s)^invalid (?:boolean )?value "(.*)" for (?:flag )?-(\S+): `)

// parseError says of a value that the flag parser refuses what was wanted; of other errors
// what the parser says. The parser's words are Go's ("strconv.ParseInt: parsing ..."); the
// rule's are the user's, and the same as for a value out of range.
func parseError(c *cli.Context, err error) error {
	// Group 1 is the value as typed, group 2 the flag's name.
	m := unparsed.FindStringSubmatch(err.Error())
	if m == nil || c.Command == nil {
		return usagef("%w; see %s --help", err, c.Command.HelpName)
	}
	rule, ok := rulesOf[c.Command.Name].flags[m[2]]
	if !ok {
		rule.want = "true or false" // flags without a value have no rule
	}
	return usagef("%s: --%s is %s, want %s", c.Command.Name, m[2], shownValue(m[1]), rule.want)
}
