package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/cmd/a2qgen/study"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/qonnx"
)

// picturesAction is eval --images: whole pictures, by the protocol of super-resolution.
func picturesAction(c *cli.Context, path string) error {
	for _, name := range []string{"data", "spec", "scale", "layout"} {
		if c.IsSet(name) {
			return usagef("eval: --%s does not go with --images, which are pictures of 8 bits", name)
		}
	}
	folder := pictureFolder(c.String("out"))
	if err := folder.open("eval"); err != nil {
		return err
	}
	rater, err := raterOf(c, path)
	if err != nil {
		return err
	}
	images, err := data.OpenImages(c.String("images"), rater.Channels())
	if err != nil {
		return err
	}
	var see func(read, gave *data.Image) error
	if folder != "" {
		see = func(read, gave *data.Image) error {
			name := study.PictureName(gave.Name)
			if err := folder.write(name+"-input", read); err != nil {
				return err
			}
			return folder.write(name, gave)
		}
	}
	con := newConsole(c)
	doc, err := rater.Rate(c.Context, images, con.progress(), see)
	return con.result(&picturesReport{doc}, err)
}

// raterOf reads the network: its integers or, with --float, what it was before.
func raterOf(c *cli.Context, path string) (*study.Rater, error) {
	if c.Bool("float") {
		if c.IsSet("output") {
			return nil, usagef("eval: --output does not go with --float: a model of real numbers has one output")
		}
		m, err := qonnx.ReadModel(path)
		if err != nil {
			return nil, err
		}
		return study.NewFloatRater(m)
	}
	file, err := readTold(c, path)
	if err != nil {
		return nil, err
	}
	return study.NewRater(file, c.String("output"))
}

// picturesReport prints the JSON of eval --images.
type picturesReport struct{ *study.Pictures }

// print writes a line per picture, and the means.
func (r *picturesReport) print(w io.Writer) {
	how := "integer executor"
	if r.Float {
		how = "real numbers"
	}
	fmt.Fprintf(w, "data      %s, %d times larger (%s, %.2f s)\n", r.Data, r.Factor, how, r.Seconds)
	line := func(name string, psnr, bicubic float64) {
		fmt.Fprintf(w, "  %-20s %6.2f dB", name, psnr)
		if r.Factor > 1 {
			fmt.Fprintf(w, "  bicubic %6.2f dB", bicubic)
		}
		fmt.Fprintln(w)
	}
	for _, p := range r.Each {
		line(p.Name, p.PSNR, p.Bicubic)
	}
	line("mean", r.PSNR, r.Bicubic)
}
