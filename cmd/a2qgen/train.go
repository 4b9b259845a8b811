package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
	"github.com/a2qgen/a2qgen/quant/train"
)

const trainHelp = `Trains the network of a YAML spec in floating point, then with its quantisers, and
writes it as QONNX. The flags override the spec. The result is imported again and
scored with the integer executor; the bound of every accumulator is recomputed from
the integers in the file.

--data is a folder laid out like MNIST, a pair IMAGES,LABELS, or "drawn" for digits
that a2qgen draws itself, the default where Debian's dataset-fashion-mnist is not
installed. After every epoch OUT.ckpt is written; --resume goes on from it, after
Ctrl-C too, to the very result of a run that was never stopped.

Example:
   a2qgen train examples/fmnist-mlp.yaml --out net.onnx
   a2qgen train examples/fmnist-mlp.yaml --out p10.onnx --method a2q+ --acc 10 --epochs 8`

func trainCommand() *cli.Command {
	return &cli.Command{
		Name: "train", Usage: "train a network whose accumulators cannot overflow",
		UsageText: "a2qgen train SPEC.yaml [--data DIR] [--out net.onnx] [--method base|a2q|a2q+] [--acc P]\n" +
			"   [--weights M] [--acts N] [--epochs E] [--seed S] [--resume] [--json]",
		Description: trainHelp,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "data", Usage: "`DIR` of the data set, IMAGES,LABELS, or drawn"},
			&cli.StringFlag{Name: "out", Value: "net.onnx", Usage: "`FILE` to write"},
			&cli.StringFlag{Name: "method", Usage: "`NAME` of the quantiser of the hidden layers: base, a2q or a2q+"},
			&cli.IntFlag{Name: "acc", Usage: "accumulator width `P` of the hidden layers, bits"},
			&cli.IntFlag{Name: "weights", Usage: "weight width `M` of the hidden layers, bits"},
			&cli.IntFlag{Name: "acts", Usage: "activation width `N`, bits"},
			&cli.IntFlag{Name: "epochs", Usage: "`E` epochs in all, the first half of them in floating point"},
			&cli.Uint64Flag{Name: "seed", Usage: "`S` fixes weights and order of samples"},
			&cli.BoolFlag{Name: "resume", Usage: "go on from the checkpoint OUT.ckpt"},
			jsonFlag(),
		},
		Action: trainAction,
	}
}

func trainAction(c *cli.Context) error {
	path, err := oneArgument(c, "SPEC.yaml")
	if err != nil {
		return err
	}
	spec, err := train.LoadSpec(path)
	if err != nil {
		return err
	}
	if spec, err = spec.With(overrides(c)); err != nil {
		return err
	}
	if c.IsSet("data") {
		spec.Data = c.String("data")
	}
	sets, err := openData(spec.Data)
	if err != nil {
		return err
	}
	con := newConsole(c)
	doc, _, err := trainNetwork(c.Context, con, spec, sets, train.Options{Out: c.String("out"), Resume: c.Bool("resume")})
	if err != nil {
		return err
	}
	return con.result(doc, doc.print)
}

// overrides returns what the flags change in a spec.
func overrides(c *cli.Context) train.Overrides {
	var o train.Overrides
	if c.IsSet("method") {
		m := quant.Method(c.String("method"))
		o.Method = &m
	}
	for name, p := range map[string]**int{"acc": &o.AccBits, "weights": &o.WeightBits, "acts": &o.ActBits, "epochs": &o.Epochs} {
		if c.IsSet(name) {
			v := c.Int(name)
			*p = &v
		}
	}
	if c.IsSet("seed") {
		s := c.Uint64("seed")
		o.Seed = &s
	}
	return o
}

// dataSets are the two parts of a data set.
type dataSets struct{ train, test *data.Set }

func openData(src string) (dataSets, error) {
	var s dataSets
	var err error
	if s.train, err = data.Open(src, true); err != nil {
		return s, err
	}
	if strings.Contains(src, ",") { // a pair of files is both parts
		s.test = s.train
		return s, nil
	}
	s.test, err = data.Open(src, false)
	return s, err
}

// describe says in a line which samples are used.
func (s dataSets) describe() string {
	if s.test == s.train {
		return fmt.Sprintf("%s: %d samples, for training and test alike", s.train.Name, s.train.Len())
	}
	return fmt.Sprintf("%s: %d training, %d test samples", s.train.Name, s.train.Len(), s.test.Len())
}

// trainReport is the JSON of train.
type trainReport struct {
	Out     string `json:"out"`
	Name    string `json:"name"`
	Method  string `json:"method"`
	AccBits int    `json:"acc_bits"`
	// FloatAccuracyPercent is that of the float phase; 0 where it was left out.
	FloatAccuracyPercent   float64       `json:"float_accuracy_percent"`
	IntegerAccuracyPercent float64       `json:"integer_accuracy_percent"`
	Epochs                 int           `json:"epochs"`
	SamplesPerSecond       float64       `json:"samples_per_second"`
	Seconds                float64       `json:"seconds"`
	Seed                   uint64        `json:"seed"`
	Data                   string        `json:"data"`
	TrainSamples           int           `json:"train_samples"`
	TestSamples            int           `json:"test_samples"`
	Layers                 []layerReport `json:"layers"`
	History                []epochReport `json:"history"`

	dataLine string
}

// epochReport is one epoch of a run.
type epochReport struct {
	Phase            string  `json:"phase"`
	Epoch            int     `json:"epoch"`
	Loss             float64 `json:"loss"`
	AccuracyPercent  float64 `json:"accuracy_percent"`
	SamplesPerSecond float64 `json:"samples_per_second"`
}

// trainNetwork trains, writes and re-imports a network, and scores the import.
func trainNetwork(ctx context.Context, con *console, spec *train.Spec, sets dataSets, o train.Options) (*trainReport, *quant.Network, error) {
	start := time.Now()
	w := &trainWatcher{con: con, dataLine: sets.describe()}
	o.Progress = w.event
	res, err := train.Run(ctx, spec, sets.train, sets.test, o)
	w.end()
	if err != nil {
		if errors.Is(err, context.Canceled) && w.epochs > 0 {
			err = fmt.Errorf("%w; --resume goes on from the last whole epoch", err)
		}
		return nil, nil, err
	}
	net, err := readNetwork(o.Out)
	if err != nil {
		return nil, nil, err
	}
	score, err := evaluate(ctx, con, net, sets.test)
	if err != nil {
		return nil, nil, err
	}
	doc := &trainReport{
		Out: o.Out, Name: spec.Name, Method: string(spec.Method), AccBits: spec.AccBits,
		FloatAccuracyPercent: 100 * res.FloatAccuracy, IntegerAccuracyPercent: score.AccuracyPercent,
		Epochs: len(res.History), Seconds: seconds(start), Seed: spec.Seed, Data: sets.train.Name,
		TrainSamples: sets.train.Len(), TestSamples: sets.test.Len(), Layers: inspect(net).Layers,
		dataLine: sets.describe(),
	}
	if spec.Float.Epochs == 0 {
		doc.FloatAccuracyPercent = 0
	}
	doc.addHistory(res.History)
	return doc, net, nil
}

// addHistory adds the epochs and their mean speed.
func (r *trainReport) addHistory(history []train.Event) {
	pace := 0.0 // seconds a sample, summed over epochs of equal size
	for _, e := range history {
		r.History = append(r.History, epochReport{Phase: e.Phase, Epoch: e.Epoch, Loss: e.Loss,
			AccuracyPercent: 100 * e.Accuracy, SamplesPerSecond: e.SamplesPerSecond})
		pace += 1 / e.SamplesPerSecond
	}
	if pace > 0 {
		r.SamplesPerSecond = float64(len(history)) / pace
	}
}

func (r *trainReport) print(w io.Writer) {
	limit := fmt.Sprintf("P=%d", r.AccBits)
	if r.Method == string(quant.Base) {
		limit = "no accumulator limit"
	}
	fmt.Fprintf(w, "network   %s, method %s, %s: %s\n", r.Name, r.Method, limit, r.Out)
	fmt.Fprintf(w, "data      %s\n", r.dataLine)
	fmt.Fprintf(w, "accuracy  float %.2f %%, integer %.2f %% (test samples, integer executor on %s)\n",
		r.FloatAccuracyPercent, r.IntegerAccuracyPercent, r.Out)
	fmt.Fprintf(w, "training  %d epochs, %.0f samples/s, %.1f s\n", r.Epochs, r.SamplesPerSecond, r.Seconds)
	for i := range r.Layers {
		fmt.Fprintf(w, "  %s\n", r.Layers[i].certificate())
	}
}
