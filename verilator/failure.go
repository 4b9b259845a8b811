package verilator

import "fmt"

// BuildError is the error of a bench that a simulator's compiler refuses: nothing ran.
// Four kinds of failure are told apart because tests of the checks must: a mutated design
// counts as caught by a difference or by a checked stop, not by a tool that fell over.
type BuildError struct {
	Err error // names the tool and holds its first message
}

func (e *BuildError) Error() string { return e.Err.Error() }

func (e *BuildError) Unwrap() error { return e.Err }

// CheckError is the error of a run that one of the design's own checks stopped, such as
// that of an accumulator that overflows.
type CheckError struct {
	Line string // what the check printed: ERROR, the instance and the fault
}

func (e *CheckError) Error() string { return "verilator: simulation: " + e.Line }

// UnknownError is the error of a run with an unknown bit (x or z) where a stream is read:
// in a valid or ready, or in valid data. Only Icarus knows such bits.
type UnknownError struct {
	Stream string
	What   string // valid, ready or data
	Bit    byte   // x or z
	Cycle  int
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("verilator: trace: cycle %d: stream %q: %s is unknown (%c)", e.Cycle, e.Stream, e.What, e.Bit)
}

// CrashError is the error of a run that ended in any other way than at its last cycle or
// at a check: the simulator died, complained, or left without a word.
type CrashError struct {
	Err error
}

func (e *CrashError) Error() string { return "verilator: simulation: " + e.Err.Error() }

func (e *CrashError) Unwrap() error { return e.Err }
