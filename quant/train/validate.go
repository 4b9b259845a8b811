package train

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/a2qgen/a2qgen/quant/data"
)

// Validate reports the first field of s that is out of its range. What depends on
// the data is checked by Run.
func (s *Spec) Validate() error {
	var c checker
	c.that(s.Name != "" && len(s.Name) <= 64 && printable(s.Name), "name", s.Name, "1..64 printable characters")
	c.samples(s)
	c.layers(s, "layers", s.Layers, 1)
	c.between("weight_bits", s.WeightBits, 2, 8)
	c.between("act_bits", s.ActBits, 1, 8)
	c.between("input_bits", s.InputBits, 1, 8)
	c.that(slices.Contains(ActScales(), s.ActScale), "act_scale", s.ActScale, "learned, weighted or pooled")
	c.inputRange(s)
	c.between("first_weight_bits", s.FirstWeightBits, 2, 8)
	c.between("last_weight_bits", s.LastWeightBits, 2, 8)
	c.methods(s)
	c.within("regulariser", s.Regulariser, 0, 1)
	c.between("batch", s.Batch, 2, maxBatch)
	c.within("validation", s.Validation, 0, 0.5)
	c.goal(s)
	c.phase("float", &s.Float, 0)
	c.phase("qat", &s.QAT, 1)
	return c.err
}

// printable says whether s is valid UTF-8 without control characters. The name goes
// into the file and into reports.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// checker keeps the first failed check of a Spec. Later checks may rely on earlier
// ones only by looking at err: all of them run.
type checker struct{ err error }

// that notes a failed check: of a field that is had where want was wanted.
func (c *checker) that(ok bool, field string, had any, want string) {
	if !ok && c.err == nil {
		c.err = fmt.Errorf("train: %s is %v, want %s", field, had, want)
	}
}

// between checks lo <= v <= hi.
func (c *checker) between(field string, v, lo, hi int) {
	c.that(v >= lo && v <= hi, field, v, fmt.Sprintf("%d..%d", lo, hi))
}

// within checks lo <= v <= hi for real v; NaN fails.
func (c *checker) within(field string, v, lo, hi float64) {
	c.that(v >= lo && v <= hi, field, v, fmt.Sprintf("%v..%v", lo, hi))
}

// below checks 0 <= v < 1.
func (c *checker) below(field string, v float64) {
	c.that(v >= 0 && v < 1, field, v, "at least 0 and less than 1")
}

// positive checks 0 < v <= hi.
func (c *checker) positive(field string, v, hi float64) {
	c.that(v > 0 && v <= hi, field, v, fmt.Sprintf("more than 0 and at most %v", hi))
}

// samples checks how samples are read.
func (c *checker) samples(s *Spec) {
	_, err := data.ParseLayout(s.Layout)
	c.that(s.Layout == "" || err == nil, "layout", s.Layout, "nchw or nhwc")
	n := len(s.Shape)
	c.that(n == 0 || n == 2 || n == 3, "shape", s.Shape, "[rows columns] or [channels rows columns]")
	for _, d := range s.Shape {
		c.between("shape", d, 1, maxWidth)
	}
}

// inputRange checks what the input holds: its integers have a 0, and one of either
// sign where the range has.
func (c *checker) inputRange(s *Spec) {
	if len(s.InputRange) == 0 {
		return
	}
	// The scale of such a range is still far inside float32, and so is its square.
	const most = 1e15
	ok := len(s.InputRange) == 2 && s.InputRange[0] <= 0 && s.InputRange[1] >= 0 && s.InputRange[1]-s.InputRange[0] > 0
	c.that(ok && s.InputRange[0] >= -most && s.InputRange[1] <= most, "input_range", s.InputRange,
		"[lo, hi] with 0 between them")
	c.that(!ok || s.InputRange[0] == 0 || s.InputBits >= 2, "input_bits", s.InputBits, "2..8 with values below 0")
}

// goal checks what the network is trained for. Label smoothing with regress, or a
// factor with classify, is refused, not ignored.
func (c *checker) goal(s *Spec) {
	c.that(s.Task == Classify || s.Task == Regress, "task", s.Task, "classify or regress")
	c.that(s.Super.Factor == 0 || s.Super.Factor >= 2 && s.Super.Factor <= 8, "super.factor",
		s.Super.Factor, "0 or 2..8")
	c.that(s.Super.Factor == 0 || s.Task == Regress, "super.factor", s.Super.Factor, "0 with task classify")
	c.that(s.Super.Factor > 0 || s.Super.Test == "", "super.test", s.Super.Test, "none without super.factor")
	c.between("super.patch", s.Super.Patch, 1, 1024)
	c.between("super.stride", s.Super.Stride, 0, 1024)
	c.that(s.Super.Channels == 1 || s.Super.Channels == 3, "super.channels", s.Super.Channels, "1 or 3")
	c.within("label_smoothing", s.LabelSmoothing, 0, 0.5)
	c.that(s.Task == Classify || s.LabelSmoothing == 0, "label_smoothing", s.LabelSmoothing, "0 with task regress")
	c.within("distil.weight", s.Distil.Weight, 0, 1)
	c.within("distil.temperature", s.Distil.Temperature, 0.1, 100)
	c.that(s.Distil.Weight == 0 || s.Float.Epochs > 0 || s.Start != "", "distil.weight", s.Distil.Weight,
		"0 where float.epochs is 0 and there is no start: there is no float network to learn from")
}

// phase checks the settings of a phase, which has at least minEpochs. A warm-up of
// all epochs would leave none to the schedule. The float phase may be empty, QAT
// not.
func (c *checker) phase(name string, p *Phase, minEpochs int) {
	c.between(name+".epochs", p.Epochs, minEpochs, maxEpochs)
	c.that(p.Optimiser == Adam || p.Optimiser == SGD, name+".optimiser", p.Optimiser, "adam or sgd")
	c.below(name+".momentum", p.Momentum)
	c.positive(name+".lr", p.LR, 10)
	c.that(p.Schedule == Cosine || p.Schedule == CosineStep || p.Schedule == Step,
		name+".schedule", p.Schedule, "cosine, cosine_step or step")
	c.between(name+".step_epochs", p.StepEpochs, 1, maxEpochs)
	c.positive(name+".step_factor", p.StepFactor, 1)
	c.between(name+".warm_up", p.WarmUp, 0, max(p.Epochs-1, 0))
	c.within(name+".weight_decay", p.WeightDecay, 0, 1)
	c.within(name+".clip_norm", p.ClipNorm, 0, 1e6)
	c.below(name+".average", p.Average)
	c.between(name+".augment.crop", p.Augment.Crop, 0, maxMove)
	c.between(name+".augment.shift", p.Augment.Shift, 0, maxMove)
}
