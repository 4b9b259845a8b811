// Package kinds lists the blocks that there are.
package kinds

import (
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/add"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	forkstream "github.com/a2qgen/a2qgen/hwgen/block/fork_stream"
	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	replaybuffer "github.com/a2qgen/a2qgen/hwgen/block/replay_buffer"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
)

// All are the kinds of blocks, in the order of reports.
var All = []block.Kind{
	replaybuffer.Kind,
	fifo.Kind,
	widthconverter.Kind,
	forkstream.Kind,
	add.Kind,
	labelselect.Kind,
	mvau.Kind,
}
