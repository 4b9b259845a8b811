package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/schollz/progressbar/v3"

	"github.com/a2qgen/a2qgen/quant/train"
)

// trainWatcher shows a run on the console: which data, a bar within an epoch where
// somebody watches, and a line after it. Without a terminal it writes one line per epoch,
// which a log can hold.
type trainWatcher struct {
	con *console
	// task decides whether a score is an accuracy or a PSNR.
	task     string
	dataLine string
	bar      *progressbar.ProgressBar
	// told says that the line about the data was printed.
	told  bool
	saved bool // a checkpoint of this run is there
}

// event takes an event of train.Run. The data is named by the first event, not before the
// run: until then a refusal of spec or data may come, which is one line by promise.
func (w *trainWatcher) event(e train.Event) {
	if !w.told {
		w.told = true
		w.con.line("data: %s", w.dataLine)
	}
	if !e.Done {
		w.step(e)
		return
	}
	w.end()
	w.con.line("%s: loss %.4f, %s, %.0f samples/s", sprintEpoch(e), e.Loss, w.score(e), e.SamplesPerSecond)
}

// score says how well the epoch went, on held-out samples too if there are any. Validation
// is 0 where none are held out.
func (w *trainWatcher) score(e train.Event) string {
	// Event has fractions of 1; PSNR is in dB already.
	name, unit, score, held := "accuracy", "%", 100*e.Accuracy, 100*e.Validation
	if w.task == train.Regress {
		name, unit, score, held = "PSNR", "dB", e.PSNR, e.Validation
	}
	s := fmt.Sprintf("%s %.2f %s", name, score, unit)
	if e.Validation != 0 {
		s += fmt.Sprintf(", held out %.2f %s", held, unit)
	}
	return s
}

// step moves the bar, which is made for each epoch anew: its steps may differ by phase.
func (w *trainWatcher) step(e train.Event) {
	if w.bar == nil {
		w.bar = w.con.bar(e.Steps, sprintEpoch(e))
	}
	w.bar.Set(e.Step)
}

// end takes the bar away. It may be called twice, and without a bar.
func (w *trainWatcher) end() {
	if w.bar != nil {
		w.bar.Finish()
		w.bar = nil
	}
}

// advise adds to the error of a run that wrote checkpoints what to do about it. Without a
// checkpoint there is nothing to advise.
func (w *trainWatcher) advise(err error, out string) error {
	switch {
	case !w.saved:
		return err
	// The checkpoint has what the next run needs to end as if this had not been stopped.
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w; --resume goes on from the last whole epoch", err)
	// A loss that is infinite or no number: the last good epoch is not lost.
	case errors.Is(err, train.ErrDiverged):
		return fmt.Errorf("%w; %s.ckpt holds the last whole epoch: a lower lr, a warm_up or a clip_norm may help",
			err, out)
	}
	return err
}

// sprintEpoch names an epoch; phases are padded, so that the lines of both align.
func sprintEpoch(e train.Event) string {
	return fmt.Sprintf("%-5s epoch %d/%d", e.Phase, e.Epoch, e.Epochs)
}
