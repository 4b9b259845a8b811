package train

import (
	"bytes"
	"encoding/csv"
	"io"
	"strconv"
)

// WriteMetrics writes the epochs of a run as CSV, one line per epoch: phase, epoch
// (from 1), mean loss with the regulariser, accuracy_percent or, of the task
// regress, psnr_db, both of samples as they were trained on, validation (the
// same of the held-out samples, empty without any), rate (the last step's) and
// samples_per_second.
func WriteMetrics(w io.Writer, task string, history []Event) error {
	var b bytes.Buffer
	c := csv.NewWriter(&b)
	score := "accuracy_percent"
	if task == Regress {
		score = "psnr_db"
	}
	c.Write([]string{"phase", "epoch", "loss", score, "validation", "rate", "samples_per_second"})
	for i := range history {
		c.Write(history[i].cells(task))
	}
	c.Flush() // its errors are those of b, which has none
	_, err := w.Write(b.Bytes())
	return err
}

// cells returns the line of an epoch. Decimals are fixed, so that the files of two
// equal runs are equal but for the speed.
func (e *Event) cells(task string) []string {
	score, validation := 100*e.Accuracy, ""
	unit := 100.0
	if task == Regress {
		score, unit = e.PSNR, 1
	}
	// 0 stands for no held-out samples: an empty cell, not a score.
	if e.Validation != 0 {
		validation = decimal(unit*e.Validation, 4)
	}
	return []string{e.Phase, strconv.Itoa(e.Epoch), decimal(e.Loss, 6), decimal(score, 4), validation,
		strconv.FormatFloat(e.Rate, 'g', 6, 64), decimal(e.SamplesPerSecond, 0)}
}

func decimal(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
