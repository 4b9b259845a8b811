package lanes

import "golang.org/x/sys/cpu"

// haveVectors says that the processor has the instructions of lanes_amd64.s.
var haveVectors = cpu.X86.HasAVX2

// vectors says that there are loops for rows of as many channels as v has.
func vectors(v []float32) bool { return haveVectors && len(v)%width == 0 && len(v) > 0 }

//go:noescape
func momentsVector(b *block)

//go:noescape
func limitVector(b *block)

//go:noescape
func quantiseVector(b *block)

//go:noescape
func limitBackVector(b *block)

//go:noescape
func quantiseBackVector(b *block)

//go:noescape
func combineVector(b *block)

// run calls the loop.
func (l loop) run(b *block) {
	switch l {
	case momentsLoop:
		momentsVector(b)
	case limitLoop:
		limitVector(b)
	case quantiseLoop:
		quantiseVector(b)
	case limitBackLoop:
		limitBackVector(b)
	case quantiseBackLoop:
		quantiseBackVector(b)
	case combineLoop:
		combineVector(b)
	}
}
