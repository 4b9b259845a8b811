package quant

// WithoutMadd makes executors that are prepared from now on do without madd16, as on other
// processors, until the function that it returns is called.
func WithoutMadd() (restore func()) {
	had := haveMadd
	haveMadd = false
	return func() { haveMadd = had }
}

// HaveMadd says that the processor has madd16.
func HaveMadd() bool { return haveMadd }

// Share makes runs with tr use so many goroutines for large layers.
func (tr *Trace) Share(workers int) { tr.workers = workers }
