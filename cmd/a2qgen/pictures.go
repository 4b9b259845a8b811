package main

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2/maybe"

	"github.com/a2qgen/a2qgen/hwgen"
	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/data"
)

// pictureExt is how pictures are called that commands write.
const pictureExt = ".png"

// pictureFolder is the --out of commands that write pictures: DIR, or "" for none.
type pictureFolder string

// open makes the folder, and finds out whether it takes files.
func (f pictureFolder) open(command string) error {
	if f == "" {
		return nil
	}
	if err := makeFolder(string(f)); err != nil {
		return fmt.Errorf("%s: --out: %w", command, err)
	}
	return nil
}

// write writes a picture under a name without extension: to a temporary file, which then gets
// the name.
func (f pictureFolder) write(name string, m *data.Image) error {
	file, err := m.PNG()
	if err == nil {
		err = maybe.WriteFile(filepath.Join(string(f), name+pictureExt), file, 0o644)
	}
	return err
}

// pixelImage returns an image for what output k of d gives, or an error where that are no pixels.
func pixelImage(d *hwgen.Design, k int) (*data.Image, error) {
	l := d.Network.OutputLayer(k)
	s := l.Shape
	if s.C != 1 && s.C != 3 || s.Positions() == 1 || l.Score != nil ||
		l.Output() != (quant.DataType{Bits: 8}) {
		return nil, usagef("sim: --out wants a design that gives 8-bit pixels of 1 or 3 channels, has %v of %v: "+
			"see generate --pixels", l.Output(), s)
	}
	return &data.Image{Channels: s.C, Height: s.H, Width: s.W}, nil
}

// pixelOutput returns the first output of d that gives pixels and its image, or why the first does not.
func pixelOutput(d *hwgen.Design) (int, *data.Image, error) {
	var why error
	for k := range d.Network.Outputs {
		m, err := pixelImage(d, k)
		if err == nil {
			return k, m, nil
		}
		why = cmp.Or(why, err)
	}
	return 0, nil, why
}

// simPictures writes what an output of the Verilog gives for the frames of a data set.
type simPictures struct {
	folder pictureFolder
	port   int
	frames int
	names  []string
	image  *data.Image
	err    error // the first
}

// pictures returns what writes the pictures of a run, which does nothing without --out.
func (o simOptions) pictures(d *hwgen.Design, in *frameSet) (*simPictures, error) {
	p := &simPictures{folder: o.out}
	if o.out == "" {
		return p, nil
	}
	// --output may name an image, whose pictures it is then, or what labels are of.
	k, named, err := o.outputOf(d.Network)
	if named && d.Network.OutputLayer(k).Shape.Positions() > 1 {
		p.port = k
		p.image, err = pixelImage(d, k)
	} else if err == nil {
		p.port, p.image, err = pixelOutput(d)
	}
	if err != nil {
		return nil, err
	}
	// A second round of the same samples would give the same pictures.
	p.frames, p.names = in.fromSet, in.names
	return p, o.out.open("sim")
}

// take writes the picture of a frame: sim.Options.Outputs.
func (p *simPictures) take(port, frame int, levels []int32) {
	if port != p.port || frame >= p.frames || p.err != nil || p.names != nil && frame >= len(p.names) {
		return
	}
	name := fmt.Sprintf("frame-%d", frame)
	if p.names != nil {
		name = p.names[frame]
	}
	p.err = p.folder.write(name, p.image.WithPixels(levels))
}
