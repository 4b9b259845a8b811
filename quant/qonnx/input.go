package qonnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/a2qgen/a2qgen/quant"
	"github.com/a2qgen/a2qgen/quant/qonnx/onnxpb"
	"google.golang.org/protobuf/proto"
)

// InputType says what the samples of a network are quantised to, where its
// graph has no Quant for them, as QONNX's Quant has it: a sample v becomes the
// integer round(v/Scale + Zero), halves to even, clipped to Type, and stands
// for Scale times what that is above Zero. FINN sets a datatype on the input;
// integer exports have INT8 or UINT8 there, with no scale in the graph; others
// come with a scale in prose. This is where that goes.
type InputType struct {
	// Type has at most 16 bits.
	Type quant.DataType
	// Scale is positive.
	Scale float64
	// Zero is the integer that stands for 0.
	Zero int
}

// maxFraction bounds the fraction bits of a fixed-point type, on either side of 0:
// those of 16-bit integers that real samples have.
const maxFraction = 32

// ParseInputType reads TYPE or TYPE:F: an integer type, INT8 or UINT8 and so on, of
// at most 16 bits, and how many of its bits are behind the binary point. Without F
// that is 0; it may be negative, and larger than the type. INT16:6 is -512..511.984
// in steps of 1/64, as ap_fixed<16,10> of HLS and quantized_bits(16,9) of QKeras are.
func ParseInputType(text string) (InputType, error) {
	name, digits, fixed := strings.Cut(text, ":")
	t := InputType{Scale: 1}
	var err error
	if t.Type, err = parseType(name); err != nil || !fixed {
		return t, err
	}
	f, err := strconv.Atoi(digits)
	if err != nil || f < -maxFraction || f > maxFraction {
		return t, fmt.Errorf("qonnx: input type %s has %s fraction bits, want %d..%d", show(text), show(digits),
			-maxFraction, maxFraction)
	}
	t.Scale = math.Ldexp(1, -f)
	return t, nil
}

// parseType reads the name of a type of at most 16 bits. INT1 is refused: FINN's
// one-bit signed type is BIPOLAR, of -1 and +1.
func parseType(name string) (quant.DataType, error) {
	typ, ok := finnType(name)
	if !ok || typ.Signed && typ.Bits < 2 && !typ.Bipolar {
		return typ, fmt.Errorf("qonnx: input type is %s, want INT2..INT16, UINT1..UINT16 or BIPOLAR", show(name))
	}
	return typ, nil
}

// MaxInputZero bounds the zero point of an InputType, on either side. A zero
// point within the type is the rule; behind it integers need a bit or more.
const MaxInputZero = 1 << maxBits

// check returns an error unless the type is one that Read takes. check's error
// repeats all three values: they come from three flags.
func (t InputType) check() error {
	ok := t.Type.Bits >= 1 && t.Type.Bits <= maxBits && t.Scale > 0 && finite(t.Scale)
	if !ok || t.Zero < -MaxInputZero || t.Zero > MaxInputZero {
		return fmt.Errorf("qonnx: input of type %v, scale %v, zero point %d: want at most %d bits, a positive scale "+
			"and a zero point of at most %d",
			t.Type, t.Scale, t.Zero, maxBits, MaxInputZero)
	}
	return nil
}

// WithInputType returns the QONNX file data with the type of its samples in its
// metadata, for files that do not say it. Read refuses the result where the
// file says it too. The graph is not touched, so that the copy beside a design
// is the user's file with three entries of metadata.
func WithInputType(data []byte, t InputType) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	// A message that follows another is merged with it: entries are appended.
	// Protocol Buffers define that: repeated fields are joined, so that the
	// file need not be decoded and written anew.
	entries := []*onnxpb.StringStringEntryProto{
		entry(metaInputType, t.Type.String()),
		entry(metaInputScale, strconv.FormatFloat(t.Scale, 'g', -1, 64)),
		entry(metaInputZero, strconv.Itoa(t.Zero)),
	}
	more, err := proto.MarshalOptions{Deterministic: true}.Marshal(&onnxpb.ModelProto{MetadataProps: entries})
	if err != nil {
		return nil, fmt.Errorf("qonnx: %w", err)
	}
	return slices.Concat(data, more), nil
}

// inputTypeIn reads the type of the samples from a file's metadata, nil where
// that has none. Scale and zero point alone say nothing: they need a type.
// Without a scale it is 1.
func inputTypeIn(entries map[string]string) (*InputType, error) {
	name, ok := entries[metaInputType]
	if !ok {
		for _, key := range []string{metaInputScale, metaInputZero} {
			if _, ok := entries[key]; ok {
				return nil, fmt.Errorf("metadata %s: wants %s too", show(key), show(metaInputType))
			}
		}
		return nil, nil
	}
	t := &InputType{Scale: 1}
	var err error
	if t.Type, err = parseType(name); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", show(metaInputType), unprefixed(err))
	}
	if text, ok := entries[metaInputScale]; ok {
		if t.Scale, err = strconv.ParseFloat(text, 64); err != nil {
			return nil, fmt.Errorf("metadata %s: is %s, want a number", show(metaInputScale), show(text))
		}
	}
	if text, ok := entries[metaInputZero]; ok {
		if t.Zero, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("metadata %s: is %s, want an integer", show(metaInputZero), show(text))
		}
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("metadata %s: %w", show(metaInputType), unprefixed(err))
	}
	return t, nil
}

// inputType returns how samples are quantised before the graph begins: as the
// metadata say, or FINN's annotation, or the element type of the graph's input
// where that is one of integers. It returns nil where none says it. Two sources
// are refused even where they agree today: the next export may not.
func (im *importer) inputType() (*InputType, error) {
	g := im.g
	typ, annotated := finnType(g.types[g.input])
	f, integer := integerFormats[g.elem]
	told := im.meta.input
	switch {
	case told != nil && annotated:
		return nil, fmt.Errorf("graph input %s: its type is %v by an annotation, %v as told: want one",
			show(g.input), typ, told.Type)
	case told != nil && integer:
		return nil, fmt.Errorf("graph input %s: its type is %v by its elements, %v as told: want one",
			show(g.input), g.elem, told.Type)
	case told != nil:
		return told, nil
	case annotated:
		return &InputType{Type: typ, Scale: 1}, nil
	// INT32 and INT64 inputs are indices as a rule; they need to be told a
	// type.
	case integer && f.bits <= maxBits:
		return &InputType{Type: quant.DataType{Bits: f.bits, Signed: f.signed}, Scale: 1}, nil
	}
	return nil, nil
}

// quantisation returns t as what a Quant node does. The zero point is folded
// into the integers, which may need a wider type (span).
func (t *InputType) quantisation() quantisation {
	z := &quantiser{typ: t.Type, lo: float64(t.Type.Min()), hi: float64(t.Type.Max()), round: math.RoundToEven}
	zero := param{all: float64(t.Zero)}
	_, _, typ := z.span(zero)
	return quantisation{typ: typ, bits: t.Type.Bits, scale: param{all: t.Scale},
		integer: func(_ int, v float64) float64 {
			return z.integer(v, t.Scale, zero.all)
		}}
}
