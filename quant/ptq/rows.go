package ptq

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// forRows calls a worker's function for each row, on all cores. Rows do not depend
// on each other, so the result does not depend on who did which. worker is called
// once per goroutine, for memory of its own. Rows are handed out one by one, since
// their cost differs.
func forRows(rows int, worker func() func(r int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(rows, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			do := worker()
			for r := next.Add(1) - 1; r < int64(rows); r = next.Add(1) - 1 {
				do(int(r))
			}
		})
	}
	wg.Wait()
}
