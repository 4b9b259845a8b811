package train

// maxTaught bounds the teacher's outputs that are kept, in numbers. They take 256
// MiB.
const maxTaught = 1 << 26

// teacher is the float network that QAT distils from. It does not learn. Its
// outputs for all training samples are computed once, unless samples change by
// augmentation or the outputs are too many to keep.
type teacher struct {
	net   *net
	width int
	kept  []float32 // training samples x width, or nil
	out   []float32 // of a batch
}

// state returns the numbers of the teacher's network, nil where t is.
func (t *teacher) state() [][]float32 {
	if t == nil {
		return nil
	}
	return t.net.state()
}

// learn keeps the outputs for all samples of data, if they are not too many. It
// evaluates with running statistics, as the float network would be used.
func (t *teacher) learn(data *table) {
	if data.n > maxTaught/t.width {
		return
	}
	kept := make([]float32, 0, data.n*t.width)
	t.net.over(data, data.n, func(_, _ int, out []float32) { kept = append(kept, out...) })
	t.kept, t.out = kept, make([]float32, t.net.batch*t.width)
}

// outputs returns the teacher's outputs for the training samples at index,
// whose values as they go into the network are x. They stay until the next
// call. A nil t gives nil.
func (t *teacher) outputs(index []int32, x []float32) []float32 {
	if t == nil {
		return nil
	}
	if t.kept == nil {
		copy(t.net.x, x)
		return t.net.evaluate(len(index))
	}
	for i, s := range index {
		copy(t.out[i*t.width:(i+1)*t.width], t.kept[int(s)*t.width:])
	}
	return t.out
}
