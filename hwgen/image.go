package hwgen

import "github.com/a2qgen/a2qgen/quant"

// Border is what lies around an image of H x W positions of C channels, channels last: so many
// positions on each side, of one value. With it the image has (Top+H+Bottom) x (Left+W+Right)
// positions.
type Border struct {
	H      int   `json:"h"`
	W      int   `json:"w"`
	C      int   `json:"c"`
	Top    int   `json:"top"`
	Left   int   `json:"left"`
	Bottom int   `json:"bottom"`
	Right  int   `json:"right"`
	Value  int64 `json:"value"`
}

// Width returns the positions of a row, those of the border with it.
func (b Border) Width() int { return b.Left + b.W + b.Right }

// Positions returns those of the image with its border.
func (b Border) Positions() int { return (b.Top + b.H + b.Bottom) * b.Width() }

// element returns the index in the image of element i of the image with its border, or Outside.
func (b Border) element(i int) int {
	y, x := i/b.C/b.Width()-b.Top, i/b.C%b.Width()-b.Left
	if y < 0 || y >= b.H || x < 0 || x >= b.W {
		return Outside
	}
	return (y*b.W+x)*b.C + i%b.C
}

// Outside is the index of an element of a border.
const Outside = -1

// Walk is a loop over an image: Count turns, each so many rows, columns and channels further.
type Walk struct{ Count, Rows, Columns, Channels int }

// Windows returns the loops, the outermost first, over groups of lanes channels, in which the window
// of a layer that reads an image of shape in slides over it: every position, of it each group of
// channels, that times times over, and of it rows, columns and channels.
func Windows(l *quant.Layer, in quant.Shape, groups, times, lanes int) []Walk {
	w, channels := l.Window.Normal(), in.C/groups
	return []Walk{{l.Shape.H, w.StrideH, 0, 0}, {l.Shape.W, 0, w.StrideW, 0}, {groups, 0, 0, channels},
		{times, 0, 0, 0}, {w.H, w.DilationH, 0, 0}, {w.W, 0, w.DilationW, 0}, {channels / lanes, 0, 0, lanes}}
}

// BorderOf returns the border of a window over an image of shape in, whose value is v; nil where it
// has none.
func BorderOf(w quant.Window, in quant.Shape, v int64) *Border {
	if !w.Padded() {
		return nil
	}
	return &Border{H: in.H, W: in.W, C: in.C, Top: w.Top, Left: w.Left, Bottom: w.Bottom, Right: w.Right, Value: v}
}

// Over returns part p, an image of shape in that comes in order, in the order of loops over it and
// the border around it, its lanes innermost.
func (p Part) Over(in quant.Shape, b *Border, loops []Walk) Part {
	width := in.W
	if b != nil {
		width = b.Width()
	}
	p.Order, p.Border = nil, b
	for _, l := range loops {
		p.Order = append(p.Order, Loop{l.Count, (l.Rows*width+l.Columns)*in.C + l.Channels})
	}
	p.Order = append(p.Order, Loop{p.Lanes, 1})
	return p
}

// Bordered returns part p, an image that comes in order, with a border around it, in order.
func (p Part) Bordered(b Border) Part {
	p.Order, p.Border = []Loop{{b.Positions() * b.C, 1}}, &b
	return p
}
