package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// reorder moves the flags of a command before its arguments, since the flag
// parser stops at the first argument: "inspect NET.onnx --json" becomes
// "inspect --json -- NET.onnx". What follows "--" is an argument whatever it
// looks like. A command line that does not start with a command stays.
func reorder(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 {
		return args, nil
	}
	cmd := app.Command(args[0])
	if cmd == nil {
		return args, nil
	}
	flags, positional := []string{args[0]}, []string{}
	for i := 1; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			positional = append(positional, args[i+1:]...)
			i = len(args)
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

// takesNext says whether arg is a flag of cmd whose value is the next argument.
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
