package main

import (
	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant/data"
)

// scaleFlag and layoutFlag say how samples are read. Commands that train have no --scale:
// a spec fixes how its samples are read, and its networks are to be evaluated alike.
func scaleFlag() cli.Flag {
	return &cli.Float64Flag{Name: "scale", DefaultText: "1/255 for unsigned bytes, else 1",
		Usage: "multiply what is read by `F`"}
}

// NCHW is the order of ONNX and PyTorch, NHWC that of TensorFlow and of most image files.
func layoutFlag() cli.Flag {
	return &cli.StringFlag{Name: "layout", DefaultText: "as the network's",
		Usage: "`LAYOUT` of images in the files: nchw or nhwc (channels last)"}
}

// sampleSourceOf returns what --data, --scale and --layout say, as far as the
// command has them; their rules have been kept.
func sampleSourceOf(c *cli.Context) study.Source {
	s := study.Source{Data: c.String("data"), Layout: data.Layout(c.String("layout"))}
	if c.IsSet("scale") {
		s.Scale = c.Float64("scale")
	}
	return s
}
