// Package kinds lists the blocks that there are.
package kinds

import (
	"github.com/a2qgen/a2qgen/hwgen/block"
	"github.com/a2qgen/a2qgen/hwgen/block/add"
	"github.com/a2qgen/a2qgen/hwgen/block/concat"
	"github.com/a2qgen/a2qgen/hwgen/block/crop"
	"github.com/a2qgen/a2qgen/hwgen/block/fifo"
	forkstream "github.com/a2qgen/a2qgen/hwgen/block/fork_stream"
	"github.com/a2qgen/a2qgen/hwgen/block/hardwired"
	labelselect "github.com/a2qgen/a2qgen/hwgen/block/label_select"
	linebuffer "github.com/a2qgen/a2qgen/hwgen/block/line_buffer"
	"github.com/a2qgen/a2qgen/hwgen/block/mvau"
	"github.com/a2qgen/a2qgen/hwgen/block/pad"
	"github.com/a2qgen/a2qgen/hwgen/block/pool"
	replaybuffer "github.com/a2qgen/a2qgen/hwgen/block/replay_buffer"
	tapunit "github.com/a2qgen/a2qgen/hwgen/block/tap_unit"
	widthconverter "github.com/a2qgen/a2qgen/hwgen/block/width_converter"
)

// All are the kinds of blocks, in the order of reports. It is the only list: the fit of prices,
// the rules that templates keep and the recurrences of timing run over it, so that a kind that
// is left out is fitted and tested by none of them. Plans do not read it: a unit (hwgen/plan)
// names the blocks that it builds.
var All = []block.Kind{
	replaybuffer.Kind,
	linebuffer.Kind,
	pad.Kind,
	crop.Kind,
	fifo.Kind,
	widthconverter.Kind,
	forkstream.Kind,
	add.Kind,
	concat.Kind,
	pool.Kind,
	labelselect.Kind,
	mvau.Kind,
	tapunit.Kind,
	hardwired.Kind,
}
