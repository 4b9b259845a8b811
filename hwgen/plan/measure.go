package plan

import (
	"fmt"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/sim/cycle"
)

// measuredCycles is how long the model is given to repeat itself: a second or two.
const measuredCycles = 1 << 24

// measure takes the design's timing from the cycle model: what it prints of latency and
// interval is what the Verilog does, whatever queues were asked for.
func measure(d *hwgen.Design) error {
	e, err := cycle.New(d.Graph())
	if err != nil {
		return fmt.Errorf("hwgen: %w", err)
	}
	if d.Timing, err = e.Steady(measuredCycles); err != nil {
		return explain(err)
	}
	return nil
}
