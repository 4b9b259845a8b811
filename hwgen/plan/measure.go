package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// measuredSteps is how long the model is given to repeat itself, in cycles of a block: some
// seconds at most.
const measuredSteps = 1 << 27

// measure takes the design's timing from the cycle model: what it prints of latency and
// interval is what the Verilog does, whatever queues were asked for.
func measure(d *hwgen.Design) error {
	e, err := cycle.New(d.Graph())
	if err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	if d.Timing, err = e.Steady(int64(measuredSteps / len(d.Nodes))); err != nil {
		return explain(d, err)
	}
	return nil
}
