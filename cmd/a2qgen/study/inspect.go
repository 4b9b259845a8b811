package study

import "github.com/a2qgen/a2qgen/quant"

// Inspection is the JSON of what the layers of a network are and need.
type Inspection struct {
	// Name is the file's, without its ending.
	Name string `json:"name"`
	// Input is the network's, which the first layers read.
	Input  Input    `json:"input"`
	Layers []Bounds `json:"layers"` // those with weights
	// Others are the layers without weights.
	Others []Other `json:"other_layers"`
	// Outputs are in the file's order.
	Outputs []OutputInfo `json:"outputs"`
	// Order lists the names of all layers in order of execution.
	Order []string `json:"order"`
	// Notes say what the network may not be, although the file says so.
	Notes []string `json:"notes,omitempty"`
}

// Bounds is the JSON of what the accumulators of a layer need: one schema for a layer,
// whichever study tells of it.
type Bounds struct {
	// Name is the layer's in the network, Kind as users call it ("linear", "depthwise").
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Reads are the layers, or "input", that feed this one.
	Reads []string `json:"reads"`
	// In is the length of a row of the weight matrix, the terms of one sum: Cin*kh*kw of a
	// convolution. Out counts rows, or channels.
	In  int `json:"in"`
	Out int `json:"out"`
	// Shape is that of the output: height, width, channels.
	Shape [3]int `json:"shape"`
	// WeightBits (M) and InputBits (N) are the widths of the declared types.
	WeightBits  int  `json:"weight_bits"`
	InputBits   int  `json:"input_bits"`
	InputSigned bool `json:"input_signed"`
	// InputType is the FINN name of the inputs' type: INT4, UINT8, BIPOLAR.
	InputType string `json:"input_type"`
	// AccBits is the declared width, 0 for none.
	AccBits int `json:"acc_bits"`
	// AccBitsNeeded is the least width of two's complement that no input, subset of the
	// terms or order of adding them can leave.
	AccBitsNeeded int `json:"acc_bits_needed"`
	// AccStart says where accumulators start: "zero", or "shifted" by channel.
	AccStart string `json:"acc_start"`
	// AccMin and AccMax bound the sums over all channels, start values included.
	AccMin int64 `json:"acc_min"`
	AccMax int64 `json:"acc_max"`
	// L1Max is the largest sum of absolute weights of a channel, which the l1 bounds of
	// A2Q and A2Q+ limit; TapsMax the largest number of nonzero weights of one.
	L1Max   int64 `json:"l1_max"`
	TapsMax int   `json:"taps_max"`
	// Sparsity is the share of weights that are 0, 0..1.
	Sparsity float64 `json:"sparsity"`
}

// OutputInfo is the JSON of an output of a network.
type OutputInfo struct {
	// Name is that of the file, Layer the one whose tensor it shows.
	Name  string `json:"name"`
	Layer string `json:"layer"`
	Shape [3]int `json:"shape"`
	// Ranked says that its elements are scores, of which hardware gives the label.
	Ranked bool `json:"ranked"`
}

// Other is the JSON of a layer without weights.
type Other struct {
	// Such layers only pass on, pool, add or requantise: they have no accumulator to
	// certify, but decide what the next weighted layer reads.
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Reads []string `json:"reads"`
	Shape [3]int   `json:"shape"`
	// The types before and after: an add or a sum pool widens, a requantisation narrows.
	InputBits    int    `json:"input_bits"`
	InputSigned  bool   `json:"input_signed"`
	InputType    string `json:"input_type"`
	OutputBits   int    `json:"output_bits"`
	OutputSigned bool   `json:"output_signed"`
	OutputType   string `json:"output_type"`
}

// Inspect describes net. Layers with and without weights are listed apart, since their
// tables have different columns; Order puts them together again.
func Inspect(net *quant.Network) *Inspection {
	doc := &Inspection{Name: net.Name, Others: []Other{}, Input: NewInput(&net.Input)}
	for i := range net.Layers {
		l := &net.Layers[i]
		doc.Order = append(doc.Order, l.Name)
		// Linear and convolutional layers: they alone have accumulators to bound.
		if l.Kind.Weighted() {
			doc.Layers = append(doc.Layers, boundsOf(net, l))
			continue
		}
		out := l.Output()
		doc.Others = append(doc.Others, Other{
			Name: l.Name, Kind: kindOf(l), Reads: readsOf(net, l), Shape: sides(l.Shape),
			InputBits: l.Input.Bits, InputSigned: l.Input.Signed, InputType: l.Input.String(),
			OutputBits: out.Bits, OutputSigned: out.Signed, OutputType: out.String()})
	}
	for k, o := range net.Outputs {
		l := net.OutputLayer(k)
		doc.Outputs = append(doc.Outputs, OutputInfo{o.Name, l.Name, sides(l.Shape), l.Score != nil})
	}
	return doc
}

// boundsOf bounds a layer with weights. The certificate is channel by channel: the
// widest channel decides what the layer needs.
func boundsOf(net *quant.Network, l *quant.Layer) Bounds {
	r := Bounds{Name: l.Name, Kind: kindOf(l), Reads: readsOf(net, l), In: l.In, Out: l.Out, Shape: sides(l.Shape),
		WeightBits: l.WeightBits, InputBits: l.Input.Bits, InputSigned: l.Input.Signed,
		InputType: l.Input.String(), AccBits: l.AccBits,
		AccStart: "zero", L1Max: l.L1Max(), TapsMax: l.TapsMax(), Sparsity: l.Sparsity()}
	if l.Start != nil {
		r.AccStart = "shifted"
	}
	// The channel that needs most is in the certificate of an error, not here.
	r.AccBitsNeeded, _ = l.NeededBits()
	// From the first channel on, not from 0: with start values all ranges may lie on one side
	// of it. Every layer has a channel.
	first := l.AccRange(0)
	r.AccMin, r.AccMax = first.Min, first.Max
	for c := 1; c < l.Out; c++ {
		acc := l.AccRange(c)
		r.AccMin, r.AccMax = min(r.AccMin, acc.Min), max(r.AccMax, acc.Max)
	}
	return r
}

// kindOf returns the kind of a layer as users call it. A depthwise convolution is a Conv
// whose groups are its channels: its sums are short, and so are the accumulators that it
// needs.
func kindOf(l *quant.Layer) string {
	if l.Depthwise() {
		return "depthwise"
	}
	return string(l.Kind)
}

// readsOf returns the names of what a layer reads.
func readsOf(net *quant.Network, l *quant.Layer) []string {
	var names []string
	for _, from := range l.From {
		if from == quant.Source {
			names = append(names, "input")
		} else {
			names = append(names, net.Layers[from].Name)
		}
	}
	return names
}

// sides is a shape as JSON has it: height, width, channels.
func sides(s quant.Shape) [3]int { return [3]int{s.H, s.W, s.C} }
