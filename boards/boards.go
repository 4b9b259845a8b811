// Package boards describes the FPGA boards that a2qgen knows: part, resources
// and clock, each number with the document that it comes from. One YAML file
// per board lies beside this file.
package boards

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/a2qgen/a2qgen/internal/strict"
)

// Board is one board. The zero value is no board. It holds facts with their sources and
// two choices (name and target clock), no behaviour.
type Board struct {
	// The keys of YAML and JSON are the same, so that the JSON of a2qgen boards can be
	// copied into a file of a new board.
	Name      string    `yaml:"name" json:"name"`   // as in --board; also the file's name
	Title     string    `yaml:"title" json:"title"` // maker and model
	Family    Family    `yaml:"family" json:"family"`
	Part      string    `yaml:"part" json:"part"` // as the family's tools name it, with package and speed grade
	Resources Resources `yaml:"resources" json:"resources"`
	Clock     Clock     `yaml:"clock" json:"clock"`
	// Pins are further pins in use, signal to package pin. A user's constraints take them
	// from here; nothing of a2qgen drives pins.
	Pins map[string]string `yaml:"pins" json:"pins,omitempty"`
	// Sources says for each number and pin above, by its path (as in "resources.lut"),
	// which document it comes from. A number without one is a number that nobody can
	// check.
	Sources map[string]string `yaml:"sources" json:"sources"`
}

// Clock is the oscillator that feeds the FPGA's logic. TargetMHz is a choice, not a fact
// of the board: what a design gets where the user names no clock. A differential clock
// needs the family's input buffer in the user's top: what a2qgen emits has one clock wire.
type Clock struct {
	Pin       string  `yaml:"pin" json:"pin"`               // package pin
	PinN      string  `yaml:"pin_n" json:"pin_n,omitempty"` // its complement, where the clock is differential
	MHz       float64 `yaml:"mhz" json:"mhz"`               // frequency at the pin
	TargetMHz float64 `yaml:"target_mhz" json:"target_mhz"` // default clock of an accelerator
}

//go:embed *.yaml
var files embed.FS

// load parses the embedded boards once. They are tested, so an error in one of them is a
// programming error. Once, since every command line asks for the names, to check --board.
var load = sync.OnceValue(func() []Board {
	// What is embedded, not a list of names: a new board is its file alone.
	entries, err := files.ReadDir(".") // sorted by name
	if err != nil {
		panic("boards: " + err.Error())
	}
	var list []Board
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			panic("boards: " + err.Error())
		}
		b, err := Parse(e.Name(), text)
		if err != nil {
			panic(err.Error())
		}
		list = append(list, b)
	}
	return list
})

// List returns all boards, sorted by name. The caller must not change their maps. The
// slice is the caller's own, the maps within are shared.
func List() []Board { return append([]Board(nil), load()...) }

// Get returns the board of the given name, or an error that lists the names there are.
// Names are exact, as file names are.
func Get(name string) (Board, error) {
	// All of them: there are few, and the one that was meant is among them.
	var names []string
	for _, b := range load() {
		if b.Name == name {
			return b, nil
		}
		names = append(names, b.Name)
	}
	return Board{}, fmt.Errorf("boards: no board %q, want one of %s", name, strings.Join(names, ", "))
}

// Parse reads and checks one board's YAML; file names it in errors, and its
// base name without .yaml must be the board's name. Unknown keys, numbers that
// are negative or missing, and numbers without a source are errors.
func Parse(file string, text []byte) (Board, error) {
	var b Board
	// Strict: a misspelt key would leave a resource at 0, which every design exceeds.
	if err := strict.Decode(text, &b); err != nil {
		return Board{}, fmt.Errorf("boards: %s: %w", file, err)
	}
	// A copy of another board's file that keeps its name would hide one of the two.
	if want := strings.TrimSuffix(path.Base(file), ".yaml"); b.Name != want {
		return Board{}, fmt.Errorf("boards: %s: name is %q, want %q as the file", file, b.Name, want)
	}
	if err := b.check(); err != nil {
		return Board{}, fmt.Errorf("boards: %s: %w", file, err)
	}
	return b, nil
}
