package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// superSpec trains on images that a2qgen draws.
const superSpec = `task: regress
super: {factor: 2, patch: 8, stride: 64, channels: 3}
layers: [{conv: {out: 6, kernel: 3, pad: 1}}, {conv: {out: 4, kernel: 1}}, {conv: {out: 12, kernel: 3, pad: 1}},
  {pixel_shuffle: 2}]
batch: 8
float: {epochs: 1}
qat: {epochs: 1}
`

// TestProjectSuper: networks that enlarge images are projected and scored by the PSNR that eval finds, of the test
// samples of a spec and of whole pictures, and so is what no file has.
func TestProjectSuper(t *testing.T) {
	spec, dir := specFile(t, superSpec), t.TempDir()
	float, out := filepath.Join(dir, "float.onnx"), filepath.Join(dir, "p.onnx")
	trained := succeed(t, "train", spec, "--data", "drawn", "--out", filepath.Join(dir, "n.onnx"), "--float-out", float,
		"--json").document(t)
	if err := os.Mkdir(filepath.Join(dir, "large"), 0o777); err != nil {
		t.Fatal(err)
	}
	pictureFile(t, filepath.Join(dir, "large", "a.png"), 20, 26) // neither the patch's size nor square
	samples := []string{"--spec", spec, "--data", "drawn"}
	pictures := []string{"--images", filepath.Join(dir, "large")}
	project := append([]string{"project", float, "--samples", "40", "--method", "daq"}, samples...)
	psnr := func(key string, args ...string) float64 {
		return succeed(t, append(args, "--json")...).document(t)[key].(float64)
	}
	for name, where := range map[string][]string{"samples": samples, "pictures": pictures} {
		args := append(project, "--acc", "14", "--out", out)
		if name == "pictures" {
			args = append(args, pictures...)
		}
		doc := succeed(t, append(args, "--json")...).document(t)
		wantKeys(t, "project", doc, "float_psnr_db", "integer_psnr_db")
		// The same executor on the same file: to the last digit.
		if got, want := doc["integer_psnr_db"], psnr("psnr_db", append([]string{"eval", out}, where...)...); got != want {
			t.Errorf("%s: PSNR %v, eval finds %v", name, got, want)
		}
		want := trained["float_psnr_db"].(float64)
		if name == "pictures" {
			want = psnr("psnr_db", append([]string{"eval", float, "--float"}, where...)...)
		}
		if got := doc["float_psnr_db"].(float64); math.Abs(got-want) > 0.001 {
			t.Errorf("%s: PSNR %v of the float network, want %v", name, got, want)
		}
	}
	o := succeed(t, append(project, "--acc", "14", "--out", out)...)
	if want := "conv3: one activation scale for all channels: it is tied to pixelshuffle"; !strings.Contains(o.out, want) {
		t.Errorf("project prints no %q:\n%s", want, o.out)
	}
	os.Remove(out)
	command(t, append(project, "--acc", "14", "--out", out, "--set", "statistics=image")...).
		wantOneLine(t, "image", statusFailed, "steps of each image are in no file")
	if _, err := os.Stat(out); err == nil {
		t.Error("statistics=image has written a file")
	}
	table := append([]string{"project", float, "--samples", "40", "--table", "14", "--results", filepath.Join(dir, "t"),
		"--methods", "daq,daq+statistics=image"}, samples...)
	if o = succeed(t, table...); !strings.Contains(o.out, "dB (PSNR)") || strings.Contains(o.out, "cross-entropy") {
		t.Errorf("the table prints\n%s", o.out)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "t.csv"))
	const head = "network,acc_bits,method,float_psnr_db,integer_psnr_db\n"
	if err != nil || !strings.HasPrefix(string(csv), head) ||
		strings.Count(string(csv), "\n") != 1+2*2 {
		t.Errorf("%v, want %q and 4 lines:\n%s", err, head, csv)
	}
}
