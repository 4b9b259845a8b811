package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"reflect"
	"strings"

	"github.com/google/renameio/v2/maybe"
	"gopkg.in/yaml.v3"
)

// checkpointVersion changes whenever checkpoint's meaning does. Files of another
// version are refused: a run that went on from numbers of another meaning would not
// be the run that was interrupted.
const checkpointVersion = 4

// maxCheckpoint bounds what load reads, in bytes. A damaged name or a wrong file
// must not fill the memory; the largest network (maxWeights) takes 1 GiB with its
// moments and averages.
const maxCheckpoint = 4 << 30

// checkpoint is the private file format of a run between two epochs: gob, then the
// SHA-256 of it.
type checkpoint struct {
	Version int
	Spec    []byte // JSON: gob would take a pointer to false for none
	Data    uint64 // checksum of the training samples
	Phase   string
	Epoch   int
	PCG     []byte
	// State, M and V are in the order of net.params, then the statistics and the integers of dq; V is
	// empty under SGD.
	State     [][]float32 // net.state
	M, V      [][]float32 // optimiser moments
	Steps     int
	Average   [][]float32 // nil where the phase averages nothing
	Teacher   [][]float32 // nil unless QAT distils
	FloatTest float64
	History   []Event
	// Widths of each node and the limit that they were chosen for; nil and 0
	// where they are the spec's.
	Widths []Width
	Limit  int
}

// checkpoint returns r's state, which the run goes on to change.
func (r *run) checkpoint() (*checkpoint, error) {
	pcg, err := r.pcg.MarshalBinary()
	if err != nil {
		return nil, err
	}
	spec, err := json.Marshal(r.spec)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{
		Version: checkpointVersion, Spec: spec, Data: r.train.sum(), Phase: r.phase, Epoch: r.epoch, PCG: pcg,
		State: r.net.state(), M: r.opt.m, V: r.opt.v, Steps: r.opt.steps,
		Average: r.avg.numbers(), Teacher: r.teacher.state(), FloatTest: r.floatTest, History: r.history,
	}
	// In the float phase nothing is chosen yet.
	if a := r.opts.Allocate; a != nil && r.phase == QATPhase {
		c.Widths, c.Limit = r.net.widths(), a.Limit
	}
	return c, nil
}

// save writes r's state to path.
func (r *run) save(path string) error {
	c, err := r.checkpoint()
	if err == nil {
		err = c.write(path)
	}
	if err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

// write writes c to path through a temporary file, which reaches the disk
// before it replaces what is there: a full disk or a killed process leave the
// file before it whole.
func (c *checkpoint) write(path string) error {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(c); err != nil {
		return err
	}
	sum := sha256.Sum256(b.Bytes())
	return maybe.WriteFile(path, append(b.Bytes(), sum[:]...), 0o644)
}

// readCheckpoint reads the file at path.
func readCheckpoint(path string) (*checkpoint, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("train: checkpoint: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > maxCheckpoint {
		return nil, fmt.Errorf("train: checkpoint %s: %d bytes, want at most %d",
			path, info.Size(), int64(maxCheckpoint))
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("train: checkpoint %s: %w", path, err)
	}
	// gob does not notice a flipped bit in a float, hence the checksum, and it
	// comes first: gob is not made for hostile input.
	end := len(text) - sha256.Size
	if end < 0 || sha256.Sum256(text[:end]) != [sha256.Size]byte(text[end:]) {
		return nil, fmt.Errorf("train: checkpoint %s: not readable: damaged, cut short, or none of this version", path)
	}
	var c checkpoint
	if err := gob.NewDecoder(bytes.NewReader(text[:end])).Decode(&c); err != nil {
		return nil, fmt.Errorf("train: checkpoint %s: not readable: %w", path, err)
	}
	return &c, nil
}

// load restores r from path; r must be as newRun left it.
func (r *run) load(path string) error {
	c, err := readCheckpoint(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("train: no checkpoint to resume from: %w", err)
	}
	if err != nil {
		return err
	}
	if err := r.restore(c); err != nil {
		return fmt.Errorf("train: checkpoint %s: %w", path, err)
	}
	return nil
}

// restore checks c against r and takes it over. What does not fit is refused by
// what differs: version, spec, data, widths, sizes. r is not to be used after an
// error.
func (r *run) restore(c *checkpoint) error {
	if c.Version != checkpointVersion {
		return fmt.Errorf("has version %d, want %d", c.Version, checkpointVersion)
	}
	var then Spec
	if err := json.Unmarshal(c.Spec, &then); err != nil {
		return fmt.Errorf("holds no spec: %w", err)
	}
	if err := sameSpec(r.spec, &then); err != nil {
		return err
	}
	// The training part alone: with other held-out samples it is another part.
	if c.Data != r.train.sum() {
		return errors.New("was trained on other data")
	}
	// A checkpoint of QAT belongs to a quantised network, with more parameters: it
	// becomes one first, and its numbers are filled in below.
	limit := r.spec.Float.Epochs
	if c.Phase == QATPhase {
		limit = r.spec.QAT.Epochs
		if err := r.restoreWidths(c); err != nil {
			return err
		}
		r.net.quantise(nil)
		r.begin(QATPhase)
	}
	if (c.Phase != FloatPhase && c.Phase != QATPhase) || c.Epoch < 0 || c.Epoch > limit {
		return fmt.Errorf("is at %s epoch %d, which the spec has not", c.Phase, c.Epoch)
	}
	if !fill(r.net.state(), c.State) || !fill(r.opt.m, c.M) || !fill(r.opt.v, c.V) ||
		!fill(r.avg.numbers(), c.Average) || (c.Phase == QATPhase && r.spec.Distil.Weight > 0 && !r.teach(c.Teacher)) {
		return errors.New("holds tensors of other sizes")
	}
	r.phase, r.epoch, r.opt.steps = c.Phase, c.Epoch, c.Steps
	r.floatTest, r.history = c.FloatTest, c.History
	return r.pcg.UnmarshalBinary(c.PCG)
}

// restoreWidths takes over the widths that c's run chose. Only the limit is
// compared: Choose is a function, which no file can hold.
func (r *run) restoreWidths(c *checkpoint) error {
	limit := 0
	if r.opts.Allocate != nil {
		limit = r.opts.Allocate.Limit
	}
	if limit != c.Limit {
		return fmt.Errorf("has widths chosen for a limit of %d, now %d (0: none)", c.Limit, limit)
	}
	if c.Limit == 0 {
		return nil
	}
	return r.net.setWidths(c.Widths)
}

// fill copies src to dst and reports whether their sizes agree. nil and empty are
// equal. dst may be half written where it reports false.
func fill(dst, src [][]float32) bool {
	if len(dst) != len(src) {
		return false
	}
	for i := range dst {
		if len(dst[i]) != len(src[i]) {
			return false
		}
		copy(dst[i], src[i])
	}
	return true
}

// sameSpec names the first field in which two specs differ. Data may: the
// samples themselves are compared.
func sameSpec(now, then *Spec) error {
	a, b := reflect.ValueOf(now).Elem(), reflect.ValueOf(then).Elem()
	for i := 0; i < a.NumField(); i++ {
		f := a.Type().Field(i)
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if f.Name == "Data" || show(x) == show(y) {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		return fmt.Errorf("is of another spec: %s was %s, is now %s", name, show(y), show(x))
	}
	return nil
}

// show returns the value of a field as a spec would have it, in JSON's notation.
// YAML first, since that has the names of fields; then JSON, since it fits on one
// line.
func show(v any) string {
	var plain any
	text, err := yaml.Marshal(v)
	if err == nil {
		err = yaml.Unmarshal(text, &plain)
	}
	if err == nil {
		text, err = json.Marshal(plain)
	}
	if err != nil { // a field that no spec can hold
		panic("train: spec: " + err.Error())
	}
	return strings.Trim(string(text), "\"")
}

// finite reports whether every number of the network is one. The loss shows what
// has diverged one step late: after the last step of an epoch only this does, and a
// checkpoint of NaN would end every resume.
func (n *net) finite() bool {
	for _, s := range n.state() {
		for _, v := range s {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return false
			}
		}
	}
	return true
}
