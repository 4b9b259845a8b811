package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant/train"
)

// trainWatcher shows trainings on the console: which data, a bar within an epoch where
// somebody watches, and a line after it. Without a terminal it writes one line per epoch,
// which a log can hold. It also keeps the epochs' files beside each network.
type trainWatcher struct {
	con      *console
	progress study.Progress
	// dataLine names the data until it is printed.
	dataLine string
	// Of the training under way: task decides whether a score is an accuracy or a PSNR, out
	// is its network's file, and saved says that a checkpoint of it is there.
	task, out string
	saved     bool
}

// newTrainer returns what trains on sets, and what shows that on the console.
func newTrainer(con *console, sets study.Sets) (*study.Trainer, *trainWatcher) {
	w := &trainWatcher{con: con, progress: con.progress()}
	if sets.Train != nil {
		w.dataLine = sets.String() + sets.Classes()
	}
	return &study.Trainer{Sets: sets, Progress: w.progress, Prepare: w.prepare}, w
}

// prepare begins to watch a training.
func (w *trainWatcher) prepare(spec *train.Spec, o *train.Options) {
	w.task, w.out, w.saved = spec.Task, o.Out, false
	files := newMetricFiles(o.Out, spec.Task)
	o.Progress = w.event
	o.Epochs = func(history []train.Event) error { // called once their checkpoint is written
		w.saved = true
		return files.write(study.Epochs(spec.Task, history))
	}
}

// event takes an event of a training. The data is named by the first event, not before the
// run: until then a refusal of spec or data may come, which is one line by promise.
func (w *trainWatcher) event(e train.Event) {
	if w.dataLine != "" {
		w.con.line("data: %s", w.dataLine)
		w.dataLine = ""
	}
	w.progress.Step(sprintEpoch(e), e.Step, e.Steps)
	if e.Done {
		w.endBar()
		w.con.line("%s: loss %.4f, %s, %.0f samples/s", sprintEpoch(e), e.Loss, w.score(e), e.SamplesPerSecond)
	}
}

// endBar takes the bar away, if there is one: an epoch may end early.
func (w *trainWatcher) endBar() { w.progress.Step("", 1, 1) }

// score says how well the epoch went, on held-out samples too if there are any.
func (w *trainWatcher) score(e train.Event) string {
	name, unit, _ := score(w.task)
	trained, held := study.Epochs(w.task, []train.Event{e})[0].Score()
	s := fmt.Sprintf("%s %.2f %s", name, trained, unit)
	if held != 0 {
		s += fmt.Sprintf(", held out %.2f %s", held, unit)
	}
	return s
}

// advise ends the watch over a training that failed, and adds to the error of one that wrote
// checkpoints what to do about it. Without a checkpoint there is nothing to advise.
func (w *trainWatcher) advise(err error) error {
	w.endBar()
	switch {
	case !w.saved:
		return err
	// The checkpoint has what the next run needs to end as if this had not been stopped.
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w; --resume goes on from the last whole epoch", err)
	// A loss that is infinite or no number: the last good epoch is not lost.
	case errors.Is(err, train.ErrDiverged):
		return fmt.Errorf("%w; %s.ckpt holds the last whole epoch: a lower lr, a warm_up or a clip_norm may help",
			err, w.out)
	}
	return err
}

// sprintEpoch names an epoch; phases are padded, so that the lines of both align.
func sprintEpoch(e train.Event) string {
	return fmt.Sprintf("%-5s epoch %d/%d", e.Phase, e.Epoch, e.Epochs)
}
