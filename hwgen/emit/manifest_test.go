package emit_test

import (
	"encoding/json"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/hwgen/emit"
	"github.com/a2qgen/a2qgen/hwgen/plan"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/quanttest"
)

// described is one entry of the manifest's memories, as a tool that knows nothing else of
// a2qgen reads it.
type described struct {
	File, Layer, Holds string
	Words, Fields      int
	WordBits           int `json:"word_bits"`
	FieldBits          int `json:"field_bits"`
	Signed             bool
	Shape              []int
	First              int
	Order              []struct{ Count, Step int }
}

// field returns field i of a word, the first in the low bits.
func (m described) field(word *big.Int, i int) int64 {
	v := new(big.Int).Rsh(word, uint(i*m.FieldBits))
	v.And(v, big.NewInt(1<<m.FieldBits-1))
	if m.Signed && v.Bit(m.FieldBits-1) == 1 {
		v.Sub(v, big.NewInt(1<<m.FieldBits))
	}
	return v.Int64()
}

// fields reads the file: the fields of the first word, of the second, and so on.
func (m described) fields(t *testing.T, dir string) []int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(m.File)))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != m.Words || m.WordBits != m.Fields*m.FieldBits {
		t.Fatalf("%+v, but %d words in the file", m, len(lines))
	}
	var values []int64
	for _, line := range lines {
		word, ok := new(big.Int).SetString(line, 16)
		if !ok || word.BitLen() > m.WordBits || len(line) != (m.WordBits+3)/4 {
			t.Fatalf("%s: word %q, want %d bits", m.File, line, m.WordBits)
		}
		for i := range m.Fields {
			values = append(values, m.field(word, i))
		}
	}
	return values
}

// elements returns the array index of every field.
func (m described) elements() []int {
	at := []int{m.First}
	for _, loop := range m.Order {
		var next []int
		for _, a := range at {
			for i := range loop.Count {
				next = append(next, a+i*loop.Step)
			}
		}
		at = next
	}
	return at
}

// arrays decodes the memories of a directory with its manifest alone: an array a layer and
// kind. Every element is in one memory, once.
func arrays(t *testing.T, dir string) map[string][]int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Files    []string
		Memories []described
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	files := slices.DeleteFunc(m.Files, func(f string) bool { return !strings.HasSuffix(f, ".mem") })
	all, missing := map[string][]int64{}, map[string]map[int]bool{}
	for _, mem := range m.Memories {
		if !slices.Contains(files, mem.File) {
			t.Errorf("%s is no file of the design, or described twice", mem.File)
		}
		files = slices.DeleteFunc(files, func(f string) bool { return f == mem.File })
		key := mem.Layer + " " + mem.Holds
		if all[key] == nil {
			size := 1
			for _, n := range mem.Shape {
				size *= n
			}
			all[key], missing[key] = make([]int64, size), map[int]bool{}
			for i := range size {
				missing[key][i] = true
			}
		}
		values, at := mem.fields(t, dir), mem.elements()
		if len(values) != len(at) {
			t.Fatalf("%s: %d fields, %d in the order", mem.File, len(values), len(at))
		}
		for i, v := range values {
			if !missing[key][at[i]] {
				t.Fatalf("%s: element %d is out of range or there twice", mem.File, at[i])
			}
			delete(missing[key], at[i])
			all[key][at[i]] = v
		}
	}
	for key, left := range missing {
		if len(left) > 0 {
			t.Errorf("%s: %d elements are in no memory", key, len(left))
		}
	}
	if len(files) > 0 {
		t.Errorf("not described: %v", files)
	}
	return all
}

// gainsDiffer says whether gains are more than a shift that all rows share.
func gainsDiffer(gains []int64) bool {
	for _, g := range gains {
		if g != gains[0] || g < 1 || bits.OnesCount64(uint64(g)) != 1 {
			return true
		}
	}
	return false
}

// integers are the arrays that the planned network has memories for.
func integers(d *hwgen.Design) map[string][]int64 {
	want := map[string][]int64{}
	for _, lp := range d.Layers {
		l := lp.Layer
		for _, w := range l.Weights {
			want[l.Name+" weights"] = append(want[l.Name+" weights"], int64(w))
		}
		if l.Start != nil {
			want[l.Name+" starts"] = l.Start
		}
		if l.Thresholds != nil {
			want[l.Name+" thresholds"] = l.Thresholds.Values
			for _, falls := range l.Thresholds.Inverted {
				want[l.Name+" inverted"] = append(want[l.Name+" inverted"], map[bool]int64{true: 1}[falls])
			}
		}
		if s := l.Score; s != nil {
			want[l.Name+" biases"] = s.Bias
			if gainsDiffer(s.Gain) {
				want[l.Name+" gains"] = s.Gain
			}
		}
	}
	return want
}

// TestManifestDecodes: what a tool reads from the memories with the manifest alone are the
// integers of the network. (Tap units have no weights in memory but a schedule: tap_unit_test.go.)
func TestManifestDecodes(t *testing.T) {
	networks := []*quant.Network{allMemories(t), goldens(t)["minimal"].n, goldens(t)["primes"].n}
	for seed := range uint64(40) {
		networks = append(networks, quanttest.RandomNetwork(rand.New(rand.NewPCG(seed, 31)), quanttest.RandomSpec{}))
	}
	networks = append(networks, allMemories(t), allMemories(t)) // at other folds than above
	seen := map[string]bool{}
	for i, n := range networks {
		o := hwgen.Options{Unit: "dense", FPS: float64(int64(1) << (14 + i%12))}
		d, err := plan.Plan(n, o)
		if err != nil {
			o = hwgen.Options{Unit: "dense"}
			if d, err = plan.Plan(n, o); err != nil {
				t.Fatal(err)
			}
		}
		dir := filepath.Join(t.TempDir(), "design")
		if err := emit.WriteDir(dir, emitted(t, n, o)); err != nil {
			t.Fatal(err)
		}
		got, want := arrays(t, dir), integers(d)
		for key, values := range want {
			if !slices.Equal(got[key], values) {
				t.Errorf("network %d, %s: %v, want %v", i, key, got[key], values)
			}
			_, kind, _ := strings.Cut(key, " ")
			seen[kind] = true
		}
		if len(got) != len(want) {
			t.Errorf("network %d: %d arrays, want %d", i, len(got), len(want))
		}
	}
	if len(seen) != 6 {
		t.Errorf("kinds %v, want 6", seen)
	}
}
