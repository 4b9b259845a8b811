package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/nn"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// Names of the two phases in events and history.
const (
	FloatPhase = "float"
	QATPhase   = "qat"
)

// Event reports progress: one after every step and one more, with Done set,
// after every epoch.
type Event struct {
	Phase string
	// Epoch of Epochs in this phase and Step of Steps in this epoch, from 1.
	Epoch, Epochs, Step, Steps int
	// Loss and Accuracy (0..1) are means over this epoch's samples so far, as
	// they were when trained on; Loss has the regulariser in it. The task
	// regress has no accuracy but a PSNR, in dB, of the mean squared error.
	Loss, Accuracy, PSNR float64
	// Validation is the accuracy, or PSNR, on the held-out part of the training
	// set; set with Done where the spec holds out any.
	Validation float64
	// Rate is the learning rate of the step, SamplesPerSecond the speed of this
	// epoch.
	Rate, SamplesPerSecond float64
	Done                   bool
}

// Progress receives events on the goroutine that trains.
type Progress func(Event)

// Options says where a run writes and whom it tells.
type Options struct {
	// Out is the QONNX file to write; empty writes none.
	Out string
	// FloatOut is an ONNX file to write the float network to when its phase
	// ends; empty writes none.
	FloatOut string
	// Checkpoint is written after every epoch; empty is Out + ".ckpt", or none
	// where Out is empty too. It stays after the run.
	Checkpoint string
	// Resume continues from Checkpoint, which must exist and stem from the
	// same spec and data.
	Resume   bool
	Progress Progress
	// Epochs, unless nil, is called on the goroutine that trains with all epochs
	// so far: after every one, once its checkpoint is written, and before the
	// first where there are some from a checkpoint or a cache. Its error ends
	// the run.
	Epochs func(history []Event) error
	// Start, unless nil, stands for the file Spec.Start: the network whose weights, biases and batch norm the
	// float phase starts from instead of random numbers. Its layers with weights
	// must be the spec's, in order; what else it holds does not matter.
	Start *nn.Model
	// Allocate, unless nil, chooses the accumulator and weight widths of each
	// layer after the float phase, up to those of the spec.
	Allocate *Allocator
	// FloatCache is a folder that keeps finished float phases; empty keeps
	// none. A run whose float phase was run before, by the same build and with
	// the same layers, float settings, batch, seed, start and samples, takes it from
	// there and starts with QAT: to the very bytes that training it again would
	// give, whatever its bit widths, method and QAT settings are. So a sweep
	// over accumulator widths or methods pays for one float phase per seed.
	// Runs may share the folder at the same time; a file is whole or not there.
	FloatCache string
}

// Result is what a finished run knows.
type Result struct {
	// History has the Done event of every epoch of both phases.
	History []Event
	// FloatAccuracy and QATAccuracy are fractions of the test set that the
	// float network got right after its phase, and the final network with its
	// quantisers computed in floating point; 0 without a test set.
	FloatAccuracy, QATAccuracy float64
	// FloatPSNR and QATPSNR are what the task regress has instead: the mean PSNR
	// of the test samples, in dB.
	FloatPSNR, QATPSNR float64
	// FloatCached says that the float phase came from Options.FloatCache.
	FloatCached bool
	model       *nn.Model
}

// Model returns the trained network, the one written to Options.Out.
func (r *Result) Model() *nn.Model { return r.model }

// ErrDiverged is in the error of a run whose loss stopped being a number.
var ErrDiverged = errors.New("loss is not a finite number")

// Run trains the network of spec on train and writes it to opts.Out. Everything
// that can be refused is before the first epoch: the samples of both sets, layers
// that no file or reader has, and files that cannot be written. test may
// be nil; it is scored after each phase and decides nothing. When ctx ends,
// Run stops after the current step with ctx's error; the checkpoint of the
// last whole epoch stays, as it does when the loss diverges (ErrDiverged).
func Run(ctx context.Context, spec *Spec, train, test *data.Set, opts Options) (*Result, error) {
	r, err := rehearsed(spec, train, test, opts)
	if err != nil {
		return nil, err
	}
	if err := opts.CheckFiles(); err != nil {
		return nil, err
	}
	if err := r.start(); err != nil {
		return nil, err
	}
	for !r.done() {
		if err := r.trainEpoch(ctx); err != nil {
			return nil, err
		}
		if err := r.endEpoch(); err != nil {
			return nil, err
		}
	}
	return r.finish()
}

// Check returns an error where Run would refuse spec for these samples. It writes nothing:
// for callers that prepare a place for many runs.
func Check(spec *Spec, train, test *data.Set) error {
	_, err := rehearsed(spec, train, test, Options{})
	return err
}

// rehearsed returns a run that spec and samples allow, before its first epoch. Hours may
// lie between here and the first file: what would fail then fails now.
func rehearsed(spec *Spec, train, test *data.Set, opts Options) (*run, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	opts.Checkpoint = opts.checkpoint()
	if spec.Start != "" && opts.Start == nil {
		var err error
		if opts.Start, err = qonnx.ReadModel(spec.Start); err != nil {
			return nil, fmt.Errorf("train: start: %w", err)
		}
	}
	r, err := newRun(spec, train, test, opts)
	if err != nil {
		return nil, err
	}
	return r, r.rehearse()
}

// finish scores the final network and writes it. The file is read back by the
// caller, if at all: res has the network that was written.
func (r *run) finish() (*Result, error) {
	res := &Result{History: r.history, FloatCached: r.floatCached}
	if r.spec.Task == Regress {
		res.FloatPSNR, res.QATPSNR = r.floatTest, r.score(r.test)
	} else {
		res.FloatAccuracy, res.QATAccuracy = r.floatTest, r.score(r.test)
	}
	res.model = r.net.export(r.spec, inputShape(r.sample))
	if r.opts.Out != "" {
		if err := qonnx.Write(r.opts.Out, res.model); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	return res, nil
}
