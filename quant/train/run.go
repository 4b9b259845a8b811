package train

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// run is a training run: fixed things first, then what a checkpoint saves.
type run struct {
	spec *Spec
	opts Options
	// valid is the part of the training set that is held out; it and test may be
	// nil.
	train, valid, test *table
	sample             []int     // shape of a sample, as the data has it
	isRow              bool      // samples are no images
	width              int       // outputs: classes, or elements of a target
	order              []int32   // samples of the epoch in training order
	labels             []uint8   // labels of the current batch
	target             []float32 // its targets, where the data has some

	net     *net
	opt     *optimiser
	avg     *average // nil where the phase averages nothing
	goal    *objective
	teacher *teacher // nil unless QAT distils
	// The generator's state after the last epoch is that of the next order.
	pcg   *rand.PCG
	phase string
	epoch int // whole epochs of this phase
	// The test score of the float network, which is gone when the result is made.
	floatTest   float64
	floatFile   string // of the float phase in the cache
	floatCached bool
	history     []Event
}

// newRun checks the data against spec and one another, and draws the weights. The
// order is that of messages a user can act on: samples, task, test set, size,
// network, start. The generator draws the weights here and orders of samples later.
func newRun(spec *Spec, train, test *data.Set, opts Options) (*run, error) {
	if train == nil {
		return nil, errors.New("train: no training set")
	}
	train, err := spec.Samples(train)
	if err != nil {
		return nil, err
	}
	t, err := newTable("training", train, spec.inputCoding())
	if err != nil {
		return nil, err
	}
	// Stream 1 of the seed is for weights and orders, stream 2 for the held-out
	// samples (hold).
	r := &run{spec: spec, opts: opts, sample: train.Shape, isRow: isRow(train.Shape),
		phase: FloatPhase, pcg: rand.NewPCG(spec.Seed, 1)}
	if err := r.aim(t, train.Classes); err != nil {
		return nil, err
	}
	if test != nil {
		if err := r.openTest(test, t); err != nil {
			return nil, err
		}
	}
	r.hold(t)
	if r.train.n < 2 {
		return nil, fmt.Errorf("train: %d training samples, want at least 2", r.train.n)
	}
	r.order = make([]int32, r.train.n)
	r.labels = make([]uint8, spec.Batch)
	if r.net, err = r.newNet(t.shape, rand.New(r.pcg)); err != nil {
		return nil, err
	}
	r.begin(FloatPhase)
	if opts.Start != nil {
		return r, r.startFrom(opts.Start)
	}
	return r, nil
}

// aim sets what the network is to give for samples like those of t, and checks
// that they suit the task and the augmentation.
func (r *run) aim(t *table, classes int) error {
	r.width = classes
	switch {
	case r.spec.Task == Regress && t.targets == nil && r.spec.ownRange():
		return fmt.Errorf("train: input_range is %v, want [0, 1] where the samples are the targets: "+
			"outputs are in 0..1", r.spec.InputRange)
	case r.spec.Task == Regress:
		r.width = t.aims().size
		r.target = make([]float32, r.spec.Batch*r.width)
	// One class has nothing to tell apart; a regression does not look at labels.
	case classes < 2:
		return fmt.Errorf("train: training set has %d classes, want at least 2: "+
			"its labels are all 0, or it has none", classes)
	}
	// Where the samples are the targets both move together.
	for _, p := range []string{FloatPhase, QATPhase} {
		if a := r.spec.phase(p).Augment; a.on() && r.spec.Task == Regress && t.targets != nil {
			return fmt.Errorf("train: %s.augment is %+v, want none where the data has target images: "+
				"they would stay as they are", p, a)
		}
	}
	return errors.Join(r.spec.Float.Augment.check(FloatPhase, t.shape), r.spec.QAT.Augment.check(QATPhase, t.shape))
}

// openTest takes the test set, which must be like the training set t. It is read as
// the spec reads the training set, and then fitted to its shape.
func (r *run) openTest(test *data.Set, t *table) error {
	test, err := r.spec.Samples(test)
	if err == nil {
		test, err = test.Fit(r.sample, data.NCHW)
	}
	if err == nil {
		err = r.suits(test, t)
	}
	if err != nil {
		return fmt.Errorf("train: test set: %w", err)
	}
	r.test, err = newTable("test", test, r.spec.inputCoding())
	return err
}

// suits returns an error unless test has labels or targets like those of the
// training set t. Shapes are compared by Fit before.
func (r *run) suits(test *data.Set, t *table) error {
	switch {
	case r.spec.Task == Classify && test.Labels == nil && test.Len() > 0:
		return errors.New("has no labels")
	case r.spec.Task == Regress && (test.Targets == nil) != (t.targets == nil):
		return errors.New("one of training and test set has targets, the other has none")
	case r.spec.Task == Regress && test.Targets != nil && test.Targets.Size() != r.width:
		return fmt.Errorf("targets have %d elements, the training set's %d", test.Targets.Size(), r.width)
	case r.spec.Task == Regress:
		return nil
	}
	return test.CheckOutputs(r.width)
}

// newNet draws a float network for inputs of the given shape.
func (r *run) newNet(input quant.Shape, rng *rand.Rand) (*net, error) {
	return newNet(r.spec, input, r.isRow, r.width, r.spec.Task == Classify, rng)
}

// hold keeps the spec's fraction of t for validation. The choice depends on the
// seed and the number of samples alone, so every run of a seed holds out the same
// ones, whatever its method.
func (r *run) hold(t *table) {
	r.train = t
	if held := int(r.spec.Validation * float64(t.n)); held > 0 {
		index := rand.New(rand.NewPCG(r.spec.Seed, 2)).Perm(t.n)
		r.valid, r.train = t.split(index[:held]), t.split(index[held:])
	}
}

// begin starts a phase with what it needs besides the network. Optimiser and
// average start anew: QAT has other parameters than the float phase.
func (r *run) begin(phase string) {
	r.phase, r.epoch = phase, 0
	p := r.config()
	r.opt = newOptimiser(p, r.net.params())
	r.avg = newAverage(p.Average, r.net.averaged())
	r.goal = newObjective(r.spec, r.width, phase == QATPhase)
}

// start resumes where asked to, takes a float phase that was run before, and leaves
// an empty one. A resume does not look into the cache: its float phase, or part of
// it, is in the checkpoint.
func (r *run) start() error {
	if err := r.findFloat(); err != nil {
		return err
	}
	if r.opts.Resume {
		if r.opts.Checkpoint == "" {
			return errors.New("train: resume needs a checkpoint path")
		}
		if err := r.load(r.opts.Checkpoint); err != nil {
			return err
		}
		if r.opts.FloatOut != "" && r.phase != FloatPhase {
			return fmt.Errorf("train: float network: %s: %w", r.opts.Checkpoint, errNoFloat)
		}
	} else if err := r.loadFloat(); err != nil {
		return err
	}
	if err := r.turn(); err != nil {
		return err
	}
	// Whoever keeps epochs has to see those of the checkpoint or the cache too.
	if len(r.history) > 0 {
		return r.publish()
	}
	return nil
}

// turn goes from a finished float phase to QAT. Everything that needs the float
// network comes first: its file, its score, the teacher, the tops of its
// activations and its weights; then it becomes the network of QAT.
func (r *run) turn() error {
	if r.phase != FloatPhase || r.epoch < r.spec.Float.Epochs {
		return nil
	}
	if err := r.writeFloat(); err != nil {
		return err
	}
	r.floatTest = r.score(r.test)
	// A copy: the network itself goes on to change.
	if r.spec.Distil.Weight > 0 {
		r.teach(r.net.state())
	}
	tops, float := r.net.tops(r.train), r.net.floatWeights()
	r.net.quantise(tops)
	if r.opts.Allocate != nil {
		if err := r.allocate(float); err != nil {
			return err
		}
	}
	r.begin(QATPhase)
	return nil
}

// teach makes a float network with the numbers in state the teacher of QAT. It
// reports whether their sizes fit.
func (r *run) teach(state [][]float32) bool {
	float, err := r.newNet(r.net.input.shape, rand.New(rand.NewPCG(0, 0)))
	if err != nil || !fill(float.state(), state) {
		return false
	}
	float.prepare()
	t := &teacher{net: float, width: r.width}
	// Moved samples have outputs of their own each time.
	if !r.spec.QAT.Augment.on() {
		t.learn(r.train)
	}
	r.teacher = t
	return true
}

// done says that QAT has had its epochs.
func (r *run) done() bool { return r.phase == QATPhase && r.epoch == r.spec.QAT.Epochs }

// config returns the settings of the phase under way.
func (r *run) config() *Phase { return r.spec.phase(r.phase) }

// phase returns the settings of a phase.
func (s *Spec) phase(name string) *Phase {
	if name == FloatPhase {
		return &s.Float
	}
	return &s.QAT
}
