package train

import (
	"fmt"
	"slices"

	"github.com/a2qgen/a2qgen/quant/data"
)

// Samples returns set as s reads it: images with their channels first, as Layout
// says where the file does not, rows as the images of Shape. What is read so may
// be read again.
//
// Samples of three axes and unknown layout count as channels first. Where they
// look like images with their channels last and a layer or an augmentation works
// on rows and columns, that is not guessed: s must have a Layout.
func (s *Spec) Samples(set *data.Set) (*data.Set, error) {
	if set.Layout == data.Unknown && s.Layout != "" {
		set = set.WithLayout(data.Layout(s.Layout))
	}
	if len(s.Shape) > 0 {
		return set.Fit(s.Shape, data.NCHW)
	}
	set = set.ChannelsFirst()
	if set.Layout == data.Unknown && looksChannelsLast(imageDims(set.Shape)) && s.spatial() {
		return nil, fmt.Errorf("train: %s: samples have shape %v: "+
			"if these are [rows columns channels], say layout: nhwc (--layout nhwc), else nchw",
			set.Name, set.Shape)
	}
	return set, nil
}

// looksChannelsLast says that the last of three axes is as short as channels are
// and the others are not.
func looksChannelsLast(shape []int) bool {
	const most = 4 // red, green, blue and transparency
	return len(shape) == 3 && shape[2] <= most && shape[0] > most && shape[1] > most
}

// spatial says that rows and columns matter to s.
func (s *Spec) spatial() bool {
	image := func(l *LayerSpec) bool { return needsImage[l.Kind] }
	return s.Layers.any(image) || s.Float.Augment.on() || s.QAT.Augment.on()
}

// needsImage has the kinds of layers that work on rows and columns. Residual and
// concat need none: they add and join rows as well.
var needsImage = map[string]bool{
	ConvLayer: true, ConvTransposeLayer: true, DepthwiseLayer: true, MaxPoolLayer: true, AvgPoolLayer: true,
	GlobalAvgPoolLayer: true, UpsampleLayer: true, PixelShuffleLayer: true,
}

// imageDims returns the shape of a sample without axes of size 1 in front of the
// three of an image.
func imageDims(sample []int) []int {
	for len(sample) > 3 && sample[0] == 1 {
		sample = sample[1:]
	}
	return sample
}

// isRow says that samples of this shape are no images, [H W] or [C H W].
func isRow(sample []int) bool {
	n := len(imageDims(sample))
	return n != 2 && n != 3
}

// inputShape returns the shape of a sample as the network declares it: an image of
// one channel gets its channel axis, channels first. ONNX operators on images want
// [C H W] behind the batch axis.
func inputShape(sample []int) []int {
	sample = imageDims(sample)
	if len(sample) == 2 {
		return []int{1, sample[0], sample[1]}
	}
	return slices.Clone(sample)
}
