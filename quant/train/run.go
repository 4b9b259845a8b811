package train

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant/data"
)

// run is a training run: fixed things first, then what a checkpoint saves.
type run struct {
	spec               *Spec
	opts               Options
	train, valid, test *table
	width              int     // outputs: classes, or elements of a target
	order              []int32 // samples of the epoch in training order
	labels             []uint8 // labels of the current batch

	net         *net
	opt         *optimiser
	avg         *average // nil where the phase averages nothing
	goal        *objective
	teacher     *teacher // nil unless QAT distils
	pcg         *rand.PCG
	phase       string
	epoch       int // whole epochs of this phase
	floatTest   float64
	floatCached bool
	history     []Event
}

// newRun checks the data against spec and one another, and draws the weights.
func newRun(spec *Spec, train, test *data.Set, opts Options) (*run, error) {
	if train == nil {
		return nil, errors.New("train: no training set")
	}
	t, err := newTable("training", train, spec.InputBits)
	if err != nil {
		return nil, err
	}
	if train.Classes < 2 {
		return nil, fmt.Errorf("train: training set has %d classes, want at least 2", train.Classes)
	}
	r := &run{spec: spec, opts: opts, width: train.Classes, phase: FloatPhase, pcg: rand.NewPCG(spec.Seed, 1)}
	if test != nil {
		if err := test.CheckFit(t.size, r.width); err != nil {
			return nil, fmt.Errorf("train: test set: %w", err)
		}
		if r.test, err = newTable("test", test, spec.InputBits); err != nil {
			return nil, err
		}
	}
	r.hold(t)
	if r.train.n < 2 {
		return nil, fmt.Errorf("train: %d training samples, want at least 2", r.train.n)
	}
	r.order = make([]int32, r.train.n)
	r.labels = make([]uint8, spec.Batch)
	if r.net, err = newNet(spec, sampleShape(train.Shape), r.width, true, rand.New(r.pcg)); err != nil {
		return nil, err
	}
	r.begin(FloatPhase)
	return r, nil
}

// hold keeps the spec's fraction of t for validation.
func (r *run) hold(t *table) {
	r.train = t
	if held := int(r.spec.Validation * float64(t.n)); held > 0 {
		index := rand.New(rand.NewPCG(r.spec.Seed, 2)).Perm(t.n)
		r.valid, r.train = t.split(index[:held]), t.split(index[held:])
	}
}

// begin starts a phase with what it needs besides the network.
func (r *run) begin(phase string) {
	r.phase, r.epoch = phase, 0
	p := r.config()
	r.opt = newOptimiser(p, r.net.params())
	r.avg = newAverage(p.Average, r.net.state())
	r.goal = newObjective(r.spec, r.width, phase == QATPhase)
}

// start resumes where asked to, takes a float phase that was run before, and
// leaves an empty one.
func (r *run) start() error {
	if r.opts.Resume {
		if r.opts.Checkpoint == "" {
			return errors.New("train: resume needs a checkpoint path")
		}
		if err := r.load(r.opts.Checkpoint); err != nil {
			return err
		}
	} else if err := r.loadFloat(); err != nil {
		return err
	}
	r.turn()
	if len(r.history) > 0 {
		return r.publish()
	}
	return nil
}

// turn goes from a finished float phase to QAT.
func (r *run) turn() {
	if r.phase != FloatPhase || r.epoch < r.spec.Float.Epochs {
		return
	}
	r.floatTest = r.score(r.test)
	if r.spec.Distil.Weight > 0 {
		r.teach(r.net.state())
	}
	r.net.quantise(r.net.tops(r.train))
	r.begin(QATPhase)
}

// teach makes a float network with the numbers in state the teacher of QAT. It
// reports whether their sizes fit.
func (r *run) teach(state [][]float32) bool {
	float, err := newNet(r.spec, r.net.input.shape, r.width, true, rand.New(rand.NewPCG(0, 0)))
	if err != nil || !fill(float.state(), state) {
		return false
	}
	t := &teacher{net: float, width: r.width}
	t.learn(r.train)
	r.teacher = t
	return true
}

func (r *run) done() bool { return r.phase == QATPhase && r.epoch == r.spec.QAT.Epochs }

func (r *run) config() *Phase {
	if r.phase == FloatPhase {
		return &r.spec.Float
	}
	return &r.spec.QAT
}
