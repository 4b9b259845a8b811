package sim

// For the tests that see the package from outside: the trained design, and the definition of
// a network's values.
var (
	Trained     = trained
	Naive       = naive
	NaiveOutput = naiveOutput
)
