// Command a2qgen trains or imports integer networks whose accumulators cannot
// overflow P bits, emits them as streaming Verilog, cross-checks the Verilog
// against a cycle model, and says what each P costs.
//
// Every subcommand has a file here, with its help text at the top. Results go to
// stdout, progress to stderr; run turns every error into one line and a status.
package main

import (
	"os"

	"github.com/a2qgen/a2qgen/internal/process"
)

func main() {
	ctx, stop := process.Context()
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
