package finn

import (
	"slices"

	"github.com/a2qgen/a2qgen/quant"
)

// role is what nodes of some kinds are of a layer.
type role struct {
	// kinds are FINN's names for it, of all its years, without backends.
	kinds []string
	// op is the name that is written, with a backend.
	op string
	// serves says whether a layer has such a node.
	serves func(l *quant.Layer) bool
	// unit is the word for the unit that computes as the node does; empty for layers that have one.
	unit string
	// part is one of a layer's nodes that does not compute: a window.
	part bool
}

// roles are those that have counterparts here. Of the pools it depends on the file which nodes build them
// (poolRole).
var roles = []role{
	{kinds: []string{"MVAU", "MatrixVectorActivation", "StreamingFCLayer", "MVU"}, op: "MVAU_hls", serves: isProduct,
		unit: "dense"},
	{kinds: []string{"VVAU", "VectorVectorActivation", "Vector_Vector_Activate", "VVU"}, op: "VVAU_hls",
		serves: isGrouped, unit: "dense"},
	{kinds: []string{"ConvolutionInputGenerator", "ConvolutionInputGenerator1D", "ConvolutionInputGenerator_MMV"},
		op: "ConvolutionInputGenerator_rtl", serves: slides, part: true},
	{kinds: []string{"AddStreams", "ElementwiseAdd"}, op: "AddStreams_hls", serves: is(quant.Add)},
	{kinds: []string{"StreamingMaxPool", "StreamingMaxPool_Precision"}, op: "StreamingMaxPool_hls",
		serves: is(quant.MaxPool)},
	{kinds: []string{"Pool", "GlobalAccPool", "QuantAvgPool2d"}, op: "Pool_hls", serves: is(quant.AvgPool)},
	{kinds: []string{"StreamingConcat", "Concat"}, op: "StreamingConcat_hls", serves: is(quant.Concat)},
	{kinds: []string{"UpsampleNearestNeighbour"}, op: "UpsampleNearestNeighbour_hls", serves: is(quant.Upsample)},
}

// none says of kinds of nodes that have no counterpart what takes their place.
var none = map[string]string{
	"Thresholding":                "thresholds are part of the unit in front of them, whose rows at once they follow",
	"FMPadding":                   "a line buffer or tap unit puts the border around its image",
	"FMPadding_Pixel":             "a line buffer or tap unit puts the border around its image",
	"StreamingFIFO":               "the plan finds the least depths that keep the rate, before its own blocks",
	"StreamingDataWidthConverter": "the plan joins and splits beats where they do not fit",
	"DuplicateStreams":            "a fork is as wide as what it gives again",
	"LabelSelect":                 "it takes the rows at once of the layer in front",
	"ChannelwiseOp":               "its arithmetic is in thresholds or scores",
	"DownSampler":                 "a stride is the line buffer's",
	"Lookup":                      "there is no such layer",
	"TLastMarker":                 "ports have tlast as they are",
	"IODMA":                       "ports are streams",
	"StreamingDataflowPartition":  "a design is one module",
}

// isProduct, isGrouped and is say which layers are of a kind.
func isProduct(l *quant.Layer) bool { return l.Kind.Weighted() && l.Groups <= 1 }

// isGrouped is of depthwise and grouped convolutions.
func isGrouped(l *quant.Layer) bool { return l.Kind.Weighted() && l.Groups > 1 }

func is(kind quant.Kind) func(*quant.Layer) bool {
	return func(l *quant.Layer) bool { return l.Kind == kind }
}

// slides says that FINN cuts windows from the image of a convolution.
func slides(l *quant.Layer) bool {
	w := l.Window.Normal()
	return l.Kind == quant.Conv && (w.Taps() > 1 || w.StrideH > 1 || w.StrideW > 1)
}

// rolesOf returns the roles for the nodes of a file. Without nodes for maximum pools, nodes of the kind Pool
// build these too, and windows are cut for each of them.
func rolesOf(d *document) []role {
	all := slices.Clone(roles)
	streaming := slices.ContainsFunc(d.nodes, func(n node) bool { return n.kind == "StreamingMaxPool" })
	pooled := slices.ContainsFunc(d.nodes, func(n node) bool { return n.kind == "Pool" })
	if streaming || !pooled {
		return all
	}
	for i := range all {
		serves := all[i].serves
		switch {
		case slices.Contains(all[i].kinds, "Pool"):
			all[i].serves = func(l *quant.Layer) bool { return serves(l) || l.Kind == quant.MaxPool }
		case all[i].part:
			all[i].serves = func(l *quant.Layer) bool {
				return serves(l) || l.Kind == quant.MaxPool || l.Kind == quant.AvgPool
			}
		}
	}
	return all
}

// roleOf returns the role of a kind of nodes, nil where there is none.
func roleOf(all []role, kind string) *role {
	for i := range all {
		if slices.Contains(all[i].kinds, kind) {
			return &all[i]
		}
	}
	return nil
}
