package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/internal/table"
)

const boardsHelp = `Lists the boards that generate --board knows, with what their parts hold. The JSON
also has the clock's pins and the document that each number comes from.

Example:
   a2qgen boards
   a2qgen boards --json`

// boardsCommand is where a script learns the names that --board takes, with the sources of
// every number in the JSON.
func boardsCommand() *cli.Command {
	return &cli.Command{
		Name: "boards", Usage: "list the boards",
		UsageText: "a2qgen boards [--json]", Description: boardsHelp,
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			// A name would suggest that one board can be asked for.
			if err := noArgument(c); err != nil {
				return err
			}
			// Read from the program itself: boards are data that is compiled in.
			return newConsole(c).result(&boardsReport{Boards: boards.List()}, nil)
		},
	}
}

// boardsReport is the JSON of boards.
type boardsReport struct {
	Boards []boards.Board `json:"boards"`
}

// print writes one line per board. Block RAM is in kbit, the one unit that families with
// blocks of 4, 18 and 36 kbit have in common.
func (r *boardsReport) print(w io.Writer) {
	// What decides whether a design fits, and the clock that it is then planned for.
	t := table.New(table.Left("board", "family", "part"), table.Right("LUT", "FF", "RAM, kbit", "DSP", "clock, MHz"))
	for _, b := range r.Boards {
		t.Row(b.Name, b.Family, b.Part, b.Resources.LUT, b.Resources.FF, b.Resources.BRAMKbits, b.Resources.DSP,
			b.Clock.TargetMHz)
	}
	t.WriteText(w)
}
