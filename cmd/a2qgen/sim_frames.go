package main

import (
	"fmt"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/sim"
)

// frameSet are the inputs of a simulation: samples of a data set, then drawn ones.
type frameSet struct {
	// name of the data set, for the report.
	name string
	// samples are frames, one element per input of the network, as integers of its input
	// type.
	samples [][]int32
	names   []string      // of the data set's samples, where they are pictures
	labels  []uint8       // of the data set's samples, where it has them
	output  int           // of the network that labels are of; -1 where all are images
	fromSet int           // samples that are the data set's
	drawn   string        // what the drawn ones are
	input   *study.Fitted // what the network's input does to the data set's; nil without one
}

// frames takes the first test samples of the data set, again from the start where it has
// too few, and draws inputs beside them: as many again as one in ten, and at least eight.
// Without a data set all frames are drawn. Drawn ones are always there since real samples
// are tame: of an image's pixels many are 0, and few drive an accumulator to an end of its
// range.
func frames(net *quant.Network, o simOptions) (*frameSet, error) {
	f := &frameSet{name: "no data set", drawn: fmt.Sprintf("drawn over %v, both ends among them", net.Input.Type)}
	// Eight hold all of DrawFrames' kinds: both ends, and a round of the others.
	extra := max(8, o.frames/10)
	if o.drawn != nil {
		extra = *o.drawn
	}
	if o.set == nil && o.source.Data == "" {
		extra += o.frames
	} else if err := f.takeSet(net, o); err != nil {
		return nil, err
	}
	f.samples = append(f.samples, sim.DrawFrames(net, extra, o.seed)...)
	return f, nil
}

// takeSet takes samples of the data set that the options hold, or ask for. They are fitted
// and quantised as eval does, so that both count the same labels right.
func (f *frameSet) takeSet(net *quant.Network, o simOptions) error {
	set := o.set
	if set == nil {
		var err error
		if set, err = f.open(net, o.source); err != nil {
			return err
		}
	}
	k, named, err := o.outputOf(net)
	if err != nil {
		return err
	}
	// One label for all: not for each position.
	if f.output = net.Classifier(); named && net.OutputLayer(k).Shape.Positions() == 1 {
		f.output = k
	}
	fit, err := study.Fit(net, f.output, set)
	if err != nil {
		return err
	}
	f.takeSamples(net, fit.Set, o.frames)
	f.input = fit
	return nil
}

// outputOf returns the output that --output names, and whether it names one.
func (o simOptions) outputOf(net *quant.Network) (k int, named bool, err error) {
	if o.output == "" {
		return 0, false, nil
	}
	k, err = net.OutputNamed(o.output)
	return k, err == nil, err
}

// open opens what --data names: a data set, or a picture with as many channels as the network
// reads.
func (f *frameSet) open(net *quant.Network, source study.Source) (*data.Set, error) {
	if !data.IsPicture(source.Data) {
		return source.Open(false)
	}
	channels := net.Input.Shape.C
	if channels != 1 && channels != 3 {
		return nil, fmt.Errorf("sim: --data %s is a picture, the network reads %d channels", source.Data, channels)
	}
	images, err := data.OpenImages(source.Data, channels)
	if err != nil {
		return nil, err
	}
	f.names = []string{study.PictureName(source.Data)}
	return source.Read(images.List[0].Set())
}

// takeSamples quantises count samples of set, which has the network's shape, and starts
// again where it has fewer: a long run need not have a large data set.
func (f *frameSet) takeSamples(net *quant.Network, set *data.Set, count int) {
	f.name, f.fromSet = set.Name, count
	raw := make([]float32, set.Size())
	for i := range count {
		// A second round brings the same frames in another state of the pipeline: no
		// waste.
		k := i % set.Len()
		set.Sample(k, raw)
		x := make([]int32, len(raw))
		net.Input.Apply(raw, x)
		f.samples = append(f.samples, x)
		if set.Labels != nil && f.output >= 0 {
			f.labels = append(f.labels, set.Labels[k])
		}
	}
}

// warnings say where samples of the data set are less than they seem: read at another
// scale than the network's, they often saturate at one value. A cross-check passes on
// constant frames too, and says nothing then.
func (f *frameSet) warnings() []string {
	samples := f.samples[:f.fromSet]
	if len(samples) == 0 {
		return nil
	}
	// As integers: real values that differ may all saturate at one code.
	first, constant := samples[0][0], true
	for _, x := range samples {
		for _, v := range x {
			constant = constant && v == first
		}
	}
	switch {
	case constant && len(samples[0]) > 1:
		return []string{fmt.Sprintf("every input of every data frame is %d: is --scale right?", first)}
	case len(samples) > 1 && sim.Distinct(samples) == 1:
		return []string{fmt.Sprintf("all %d data frames are the same", len(samples))}
	}
	return nil
}
