package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/train"
)

const evalHelp = `Counts how many labelled samples the integer network gets right, with the integer
executor that the hardware equals. --data is a folder of a data set (its test part is
read), a file, or IMAGES,LABELS: see docs/data.md. What is read is multiplied by
--scale: by default 1/255 for unsigned bytes, 1 for everything else. --spec evaluates on
the test samples of a training spec instead; where that trains images to images, the
result is their mean PSNR in dB.

--images measures a network that turns images into images on whole pictures, a folder of
PNG or JPEG files or one of them, as papers on super-resolution do: pictures are made
smaller by the network's factor (bicubic), the network is read again for what results,
and its outputs, as 8-bit pixels, are compared with the picture: PSNR of the luma without
a border as wide as the factor, beside that of bicubic enlargement. --out writes what the
network gives to DIR/NAME.png, what it read to DIR/NAME-input.png. --float measures the
network without its quantisers.

Of a network with several outputs, labels are compared with the first that is no image, and
targets with the first of their size; --output NAME says which, by the name in the file.

Samples must have the network's shape, or be rows of numbers; --layout nhwc moves the
channels of arrays that have them last. Labels count outputs from 0; of a network with
one output, 1 is where that is above 0 (above 0.5 behind a Sigmoid).

` + inputHelp + `

Example:
   a2qgen eval net.onnx --data /usr/share/datasets/fashion-mnist
   a2qgen eval net.onnx --data images.npy,labels.npy --scale 0.5
   a2qgen eval net.onnx --data images.npy,labels.npy --layout nhwc --input-range -3:3
   a2qgen eval espcn.onnx --spec examples/espcn.yaml
   a2qgen eval espcn.onnx --images set5 --out pictures`

// evalCommand takes any QONNX file, also one that was not trained here.
func evalCommand() *cli.Command {
	return &cli.Command{
		Name: "eval", Usage: "measure the accuracy on a data set",
		UsageText: "a2qgen eval NET.onnx --data DIR|IMAGES,LABELS|--spec SPEC.yaml|--images DIR\n" +
			"   [--output NAME] [--scale F] [--layout nchw|nhwc] [--out DIR] [--float]\n" +
			"   [--input TYPE[:FRACTION]] [--input-range LO:HI]\n" +
			"   [--input-scale F] [--input-zero Z] [--input-size ROWSxCOLS] [--json]",
		Description: evalHelp,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "data",
				Usage: "`DIR` of a data set, FILE, or IMAGES,LABELS (default: as train chooses)"},
			&cli.StringFlag{Name: "spec", Usage: "training `SPEC.yaml` whose test samples to take"},
			&cli.StringFlag{Name: "images", Usage: "`DIR` of pictures, or one of them"},
			&cli.StringFlag{Name: "out", Usage: "`DIR` to write the network's pictures to, with --images"},
			outputFlag(),
			&cli.BoolFlag{Name: "float", DisableDefaultText: true,
				Usage: "measure the network without its quantisers, with --images"},
			scaleFlag(), layoutFlag(), jsonFlag(),
		}, inputFlags()...),
		Action: evalAction,
	}
}

// The network is read before the samples: it is the smaller file, and errors in it are the
// more frequent.
func evalAction(c *cli.Context) error {
	path, err := oneArgument(c, "NET.onnx")
	if err != nil {
		return err
	}
	if c.IsSet("images") {
		return picturesAction(c, path)
	}
	for _, name := range []string{"out", "float"} {
		if c.IsSet(name) {
			return usagef("eval: --%s wants --images too", name)
		}
	}
	// Where --spec is given it is read by the spec's rules, and these lie over them.
	source := sampleSourceOf(c)
	// What the flags tell of the input goes into the reader: the file alone may not say it.
	file, err := readTold(c, path)
	if err != nil {
		return err
	}
	net := file.Network
	// What kind of network it is, the data decides: images have targets, classes labels.
	set, images, err := evalSet(c, source)
	if err != nil {
		return err
	}
	con := newConsole(c)
	// No labels to be right about: the score is a distance.
	if images {
		k, err := outputNamed(c, net, study.ImageOutput(net, set))
		if err != nil {
			return err
		}
		return evalImages(c.Context, con, net, k, set)
	}
	k, err := outputNamed(c, net, net.Classifier())
	if err != nil {
		return err
	}
	score, err := study.Accuracy(c.Context, net, k, set, con.progress())
	return con.result(&evalReport{score}, err)
}

// evalSet opens the samples, and says whether the network turns images into images. The
// flags lie over the spec's values, as they do for train. Factor and patch of a
// super-resolution spec cannot be given by flags, hence --spec.
func evalSet(c *cli.Context, source study.Source) (set *data.Set, images bool, err error) {
	if !c.IsSet("spec") {
		set, err = source.Open(false)
		return set, err == nil && set.Targets != nil, err
	}
	// Of the spec only what says how samples are read: its training is not repeated.
	spec, err := train.LoadSpec(c.String("spec"))
	if err != nil {
		return nil, false, err
	}
	// The spec's other settings, input range, split and layout, still hold.
	if c.IsSet("data") {
		spec.Data = source.Data
	}
	if source.Layout != data.Unknown { // the spec's own says how the samples lie
		spec.Layout, source.Layout = string(source.Layout), data.Unknown
	}
	sets, err := study.OpenSpec(spec)
	if err != nil {
		return nil, false, err
	}
	// The test part, which training has not seen.
	set, err = source.Read(sets.Test)
	// The spec says which it is, even where samples and targets have one size.
	return set, spec.Task == train.Regress, err
}

// imagesReport is the JSON of eval for a network that turns images into images.
type imagesReport struct {
	// Data says where the samples come from.
	Data string `json:"data"`
	// PSNR is the mean over the samples of -10 log10(MSE), values being in 0..1, dB.
	PSNR float64 `json:"psnr_db"`
	// Bicubic is the PSNR of bicubic enlargement, where images are enlarged.
	Bicubic float64 `json:"bicubic_psnr_db,omitempty"`
	// Total counts the samples; Seconds is what scoring took.
	Total   int     `json:"total"`
	Seconds float64 `json:"seconds"`
}

// evalImages scores a network whose output is an image. An autoencoder is compared with
// its input; bicubic enlargement is the usual baseline where the output is larger.
func evalImages(ctx context.Context, con *console, net *quant.Network, k int, set *data.Set) error {
	// Scoring alone: reading samples is not the executor's speed.
	start := time.Now()
	psnr, err := study.PSNR(ctx, net, k, set, con.progress())
	if err != nil {
		return err
	}
	doc := &imagesReport{Data: set.Name, PSNR: psnr, Total: set.Len(), Seconds: study.Seconds(start)}
	if set.Targets != nil && set.Targets.Size() > set.Size() {
		// Of a set of SuperResolution only, whose targets are larger than its samples.
		doc.Bicubic = data.Bicubic(set)
	}
	return con.result(doc, nil)
}

// print writes PSNR beside the baseline, if there is one.
func (r *imagesReport) print(w io.Writer) {
	fmt.Fprintf(w, "data      %s\nPSNR      %.2f dB: mean of %d images (integer executor, %.2f s)\n",
		r.Data, r.PSNR, r.Total, r.Seconds)
	// PSNR says little by itself: it depends on the images as much as on the network.
	if r.Bicubic > 0 {
		fmt.Fprintf(w, "          %.2f dB by bicubic enlargement\n", r.Bicubic)
	}
}

// evalReport prints the JSON of eval.
type evalReport struct{ *study.Score }

// print writes the score, and what the input did to the samples' values, without which a
// low score cannot be told from a wrong scale.
func (r *evalReport) print(w io.Writer) {
	fmt.Fprintf(w, "data      %s\ninput     %v\n", r.Data, &r.Input)
	if r.Output != "" {
		fmt.Fprintf(w, "output    %s\n", r.Output)
	}
	fmt.Fprintf(w, "accuracy  %.2f %%: %d of %d right (integer executor, %.2f s)\n",
		r.AccuracyPercent, r.Correct, r.Total, r.Seconds)
}
