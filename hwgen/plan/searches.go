package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/a2qgen/a2qgen/boards"
	"github.com/a2qgen/a2qgen/hwgen/addergraph"
	linebuffer "github.com/a2qgen/a2qgen/hwgen/block/line_buffer"
	"github.com/a2qgen/a2qgen/quant"
)

// searches are what takes long to find, by the weights that it was found for. Plans of one network
// share them: prices, places and the widths of a table ask again and again.
type searches struct {
	arrangements map[arrangementKey]arrangement
	graphs       map[matrix]*addergraph.Graph
	lineBuffers  map[string]*linebuffer.Block
}

func newSearches() *searches {
	return &searches{map[arrangementKey]arrangement{}, map[matrix]*addergraph.Graph{}, map[string]*linebuffer.Block{}}
}

// matrix names the weights of a layer, by their SHA-256: a layer is copied again with each change.
type matrix struct {
	weights [sha256.Size]byte
	in      int
}

func matrixOf(l *quant.Layer) matrix {
	bytes := make([]byte, 0, 4*len(l.Weights))
	for _, w := range l.Weights {
		bytes = binary.LittleEndian.AppendUint32(bytes, uint32(w))
	}
	return matrix{sha256.Sum256(bytes), l.In}
}

// graph returns the adders of a layer.
func (s *searches) graph(l *quant.Layer) *addergraph.Graph {
	key := matrixOf(l)
	if s.graphs[key] == nil {
		s.graphs[key] = addergraph.New(l.Weights, l.In)
	}
	return s.graphs[key]
}

// lineBuffer returns the line buffer of a specification, which walks over its frame once.
func (s *searches) lineBuffer(of linebuffer.Spec) *linebuffer.Block {
	plain := of
	plain.Border, plain.Output = nil, nil
	// Where it is kept changes nothing of the walk over its frame, which takes long.
	plain.BlockRAM, plain.Style, plain.Why = false, boards.MemoryStyle{}, ""
	// Pointers are no names: what they point to is.
	key := fmt.Sprintf("%+v", plain)
	if of.Border != nil {
		key += fmt.Sprintf(" %+v", *of.Border)
	}
	if of.Output != nil {
		key += fmt.Sprintf(" to %+v", *of.Output)
	}
	if s.lineBuffers[key] == nil {
		s.lineBuffers[key] = linebuffer.New(of)
	}
	return s.lineBuffers[key].Like(of)
}
