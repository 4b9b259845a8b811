package finn_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/finn"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// FuzzFolding plans random networks with whatever a folding file holds, in either form. A plan or an error that
// says where it comes from, never a panic; what is planned, its folding written down gives again.
//
//	go test ./hwgen/finn -run xxx -fuzz Folding -fuzztime 10m
func FuzzFolding(f *testing.F) {
	for _, text := range []string{"", "fc1: {pe: 1, simd: 1}", "conv1: {pe: 1, simd: 9, window: parallel}",
		"fc1: {unit: tap, pe: 1, simd: 1, lanes: 2, order: arranged, weights: block, replay: lut, thresholds: block}",
		"add1: {pe: 1, fifo: [1, 40]}", "fc1: {acc: 5}", "fc1: {unit: hardwired}", `{"fc1": {"pe": 2}}`,
		`{"Defaults": {}, "MVAU_hls_0": {"PE": 1, "SIMD": 1, "ram_style": "block", "inFIFODepths": [2]}}`,
		`{"Defaults": {"PE": [1, "all"]}, "ConvolutionInputGenerator_rtl_0": {"parallel_window": 1}}`} {
		for seed := range uint64(4) {
			f.Add(text, seed, uint32(1000))
		}
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64, cycles uint32) {
		rng := rand.New(rand.NewPCG(seed, 7))
		n := quanttest.RandomGraph(rng)
		if seed%2 == 1 {
			n = quanttest.RandomResidual(rng, 8, 0)
		}
		folding, err := parsed(text, n)
		if err != nil {
			return
		}
		// With a rate: folds of layers that the file leaves out follow from it.
		d, err := plan.Plan(n, hwgen.Options{Folding: renamed(folding, n), FPS: 1e8 / float64(1+cycles%5000)})
		if err != nil {
			checkError(t, err)
			return
		}
		checkYAML(t, int(seed), n, d)
		if written, _ := finn.Write(d, n); !finn.Is(written) {
			t.Errorf("%s is no file of FINN's", written)
		} else if _, _, err := finn.Read(written, n); err != nil {
			t.Errorf("%v\n%s", err, written)
		}
	})
}

// parsed reads a folding file of either form.
func parsed(text string, n *quant.Network) (hwgen.Folding, error) {
	if finn.Is([]byte(text)) {
		folding, _, err := finn.Read([]byte(text), n)
		return folding, err
	}
	return hwgen.ParseFolding([]byte(text))
}

// renamed gives entries of layers that the network does not have to some that it has: names of drawn networks
// are seldom guessed.
func renamed(folding hwgen.Folding, n *quant.Network) hwgen.Folding {
	if folding.Check(n) == nil {
		return folding
	}
	all := hwgen.Folding{}
	// Sorted: a failure must come again.
	for i, name := range slices.Sorted(maps.Keys(folding)) {
		all[n.Layers[i%len(n.Layers)].Name] = folding[name]
	}
	return all
}

// checkError wants an error of a plan to say whose it is.
func checkError(t *testing.T, err error) {
	t.Helper()
	if overflow := new(quant.Overflow); !errors.As(err, &overflow) && !strings.HasPrefix(err.Error(), "hwgen: ") {
		t.Errorf("%q, want an error of package hwgen", err)
	}
}
