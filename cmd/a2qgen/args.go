package main

import (
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// reorder moves the flags of a command before its arguments, since the flag parser stops
// at the first argument: "inspect NET.onnx --json" becomes "inspect --json -- NET.onnx".
// What follows "--" is an argument whatever it looks like. A command line that does not
// start with a command stays. A flag that lacks its value at the end of the line is found
// here: after reordering the "--" would be taken for it.
func reorder(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return args, nil
	}
	if err := checkTopic(app, args); err != nil {
		return nil, err
	}
	// Nothing to reorder: global flags such as --version come first, and an unknown
	// command is for noCommand to refuse.
	cmd := app.Command(args[0])
	if cmd == nil {
		return args, nil
	}
	// The order among flags stays: the last of two that are given twice wins, as users expect.
	flags, positional := []string{args[0]}, []string{}
	for i := 1; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			positional = append(positional, args[i+1:]...)
			i = len(args)
		// A single "-" is an argument: by custom it stands for a stream, and so gets a
		// message about a file rather than one about a flag.
		case len(arg) < 2 || arg[0] != '-':
			positional = append(positional, arg)
		case takesNext(cmd, arg):
			if i+1 == len(args) {
				return nil, usagef("%s: %s needs a value", cmd.Name, arg)
			}
			i++
			flags = append(flags, arg, args[i])
		default:
			flags = append(flags, arg)
		}
	}
	return append(append(flags, "--"), positional...), nil
}

// checkTopic returns a usage error where args ask for help on a command that is not there,
// or on more than one. By itself the library would answer the former with an exit status
// of its own, 3, and ignore what follows the first topic.
func checkTopic(app *cli.App, args []string) error {
	if args[0] != "help" && args[0] != "h" {
		return nil
	}
	var topics []string
	// --json may stand here too; it is no topic.
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, "-") {
			topics = append(topics, arg)
		}
	}
	switch {
	case len(topics) > 1:
		return usagef("help: one command, please, not also %q", topics[1])
	case len(topics) == 1 && app.Command(topics[0]) == nil && topics[0] != "help" && topics[0] != "h":
		return usagef("help: no command %q; see a2qgen --help", topics[0])
	}
	return nil
}

// wantsJSON says whether a command line asks for JSON: also one that is wrong, in which a
// flag --json stands that is no other flag's value. It reads the line by itself, for
// errors of parsing are to be JSON too.
func wantsJSON(app *cli.App, args []string) bool {
	var cmd *cli.Command
	if len(args) > 0 {
		cmd = app.Command(args[0])
	}
	// The command line may not parse, so the parser cannot be asked.
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		name, value, _ := strings.Cut(args[i], "=")
		if name == "--"+jsonName || name == "-"+jsonName {
			// A bare --json, and one whose value does not parse, ask for JSON: a script
			// that wrote --json=yes gets its error in the form that it can read.
			on, err := strconv.ParseBool(value)
			return value == "" || err != nil || on
		}
		if cmd != nil && takesNext(cmd, args[i]) {
			i++
		}
	}
	return false
}

// takesNext says whether arg is a flag of cmd whose value is the next argument.
// "--name=value" holds its value itself and matches no name here. BoolFlags take none.
func takesNext(cmd *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	for _, f := range cmd.Flags {
		valued, ok := f.(cli.DocGenerationFlag)
		if !ok || !valued.TakesValue() {
			continue
		}
		for _, n := range f.Names() {
			if n == name {
				return true
			}
		}
	}
	return false
}
