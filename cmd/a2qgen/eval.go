package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

const evalHelp = `Counts how many labelled samples the integer network gets right, with the integer
executor that the hardware equals. --data is a folder laid out like MNIST (its test
part is read) or IMAGES,LABELS: two IDX or NPY files, .gz too. What is read is
multiplied by --scale: by default 1/255 for unsigned bytes, 1 for everything else.

Example:
   a2qgen eval net.onnx --data /usr/share/datasets/fashion-mnist
   a2qgen eval net.onnx --data images.npy,labels.npy --scale 0.5`

func evalCommand() *cli.Command {
	return &cli.Command{
		Name: "eval", Usage: "measure the accuracy on a data set",
		UsageText: "a2qgen eval NET.onnx --data DIR|IMAGES,LABELS [--scale F] [--json]", Description: evalHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "`DIR` of a data set, or IMAGES,LABELS (default: as train chooses)"},
			&cli.Float64Flag{Name: "scale", Usage: "multiply what is read by `F`"},
			jsonFlag(),
		},
		Action: evalAction,
	}
}

func evalAction(c *cli.Context) error {
	path, err := oneArgument(c, "NET.onnx")
	if err != nil {
		return err
	}
	net, err := readNetwork(path)
	if err != nil {
		return err
	}
	set, err := data.Open(c.String("data"), false)
	if err != nil {
		return err
	}
	if c.IsSet("scale") {
		if set, err = set.WithScale(c.Float64("scale")); err != nil {
			return err
		}
	}
	con := newConsole(c)
	doc, err := evaluate(c.Context, con, net, set)
	if err != nil {
		return err
	}
	return con.result(doc, doc.print)
}

// evalReport is the JSON of eval.
type evalReport struct {
	Data            string  `json:"data"`
	Correct         int     `json:"correct"`
	Total           int     `json:"total"`
	AccuracyPercent float64 `json:"accuracy_percent"`
	Seconds         float64 `json:"seconds"`
}

// evaluate scores net on set with the integer executor.
func evaluate(ctx context.Context, con *console, net *quant.Network, set *data.Set) (*evalReport, error) {
	if err := set.CheckFit(net.InputSize(), net.OutputSize()); err != nil {
		return nil, err
	}
	start := time.Now()
	bar := con.bar(set.Len(), "integer executor")
	sample := func(i int) []float32 {
		x := make([]float32, set.Size())
		set.Sample(i, x)
		return x
	}
	counted := make(chan int, 1)
	go func() { counted <- net.Accuracy(sample, set.Labels, func(done int) { bar.Set(done) }) }()
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("eval: stopped: %w", ctx.Err())
	case correct := <-counted:
		bar.Finish()
		return &evalReport{Data: set.Name, Correct: correct, Total: set.Len(),
			AccuracyPercent: percent(correct, set.Len()), Seconds: seconds(start)}, nil
	}
}

func (r *evalReport) print(w io.Writer) {
	fmt.Fprintf(w, "data      %s\n", r.Data)
	fmt.Fprintf(w, "accuracy  %.2f %%: %d of %d right (integer executor, %.2f s)\n",
		r.AccuracyPercent, r.Correct, r.Total, r.Seconds)
}
