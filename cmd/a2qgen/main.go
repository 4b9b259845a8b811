// Command a2qgen trains or imports integer networks whose accumulators cannot
// overflow P bits, emits them as streaming Verilog, cross-checks the Verilog
// against a cycle model, and says what each P costs.
//
// Every subcommand has a file here, with its help text at the top. Results go to
// stdout, progress to stderr; run turns every error into one line and a status.
//
// A command line takes this way: run (app.go) puts flags before arguments (args.go) and
// hands it to the parser; checkFlags (rules.go, rules_commands.go) refuses values out of
// range, and checkPaths (paths.go) outputs that would replace an input; then the command's
// action reads its files, asks a package below for the work, and gives a report to
// console.result (console.go).
//
// Trainings, scores, sweeps, projections and prices are those of package study: its results
// are the JSON schema, and a report here adds how they are printed for people
// (train_report.go, sweep_report.go); tables are all printed by package internal/table.
// Steps that demo shares with a command (trainNetwork, generateFile, simulate) take values,
// not a cli.Context.
//
// What may go wrong before long work starts is asked before it: a training of hours never
// ends in an output that cannot be written. Nothing here computes on integers or plans
// hardware: that is for the packages below, which neither log nor exit.
package main

import (
	"os"

	"github.com/a2qgen/a2qgen/internal/process"
)

func main() {
	// The context ends with the first signal that asks to stop: every long step watches
	// it, so that a training leaves a checkpoint and a simulator is killed with its
	// children. os.Exit runs no deferred call, hence stop by hand.
	ctx, stop := process.Context()
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
