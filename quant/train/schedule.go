package train

// schedule is a walk over a network by two goroutines, each with its half of
// the batch or of the weights. They wait for one another only where one needs
// what the other has worked out: waking a goroutine takes as long as some
// thousand multiplications. A schedule is built once and run many times: run
// does not allocate.
type schedule struct{ stages []*stage }

// stage is what the two do between two meetings.
type stage struct {
	halves []func(half int)
	size   int // elements they go over, all together
	both   *pair
	then   []func() // by one of them, after they met
}

// both adds work on size elements that the two share. Work is added to the stage
// under way as long as nothing has followed it alone: a half goes on with the next
// node without waiting for the other half, since nodes do not mix samples.
func (s *schedule) both(size int, half func(half int)) {
	if n := len(s.stages); n == 0 || s.stages[n-1].then != nil {
		s.stages = append(s.stages, &stage{})
	}
	last := s.stages[len(s.stages)-1]
	last.halves = append(last.halves, half)
	last.size += size
	last.both = newPair(last.size, last.half)
}

// alone adds work for one goroutine, on what all the work before has left.
func (s *schedule) alone(f func()) {
	if len(s.stages) == 0 {
		s.both(0, func(int) {})
	}
	last := s.stages[len(s.stages)-1]
	last.then = append(last.then, f)
}

// run goes through the stages; it returns when the last is done.
func (s *schedule) run() {
	for _, st := range s.stages {
		st.both.run()
		for _, f := range st.then {
			f()
		}
	}
}

// half does one half of all the stage's work, in order.
func (s *stage) half(half int) {
	for _, f := range s.halves {
		f(half)
	}
}
