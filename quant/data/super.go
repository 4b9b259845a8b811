package data

import (
	"fmt"
	"math"
)

// Super says how SuperResolution cuts samples.
type Super struct {
	// Factor is how many times larger targets are than samples, per side, 2..8.
	Factor int
	// Patch is the side of a sample in pixels of the small image; a target's is
	// Factor x Patch.
	Patch int
	// Stride is the step from one training patch to the next, in pixels of the
	// small image; 0 stands for Patch. Test patches never overlap.
	Stride int
}

// SuperResolution cuts training and test samples out of images. Each image is
// cropped to a multiple of the factor and reduced by it (Image.Reduce). Samples are
// patches of the small image, [Patch Patch] or [3 Patch Patch]; Targets are the patches of
// the large image at the same place, [Factor*Patch Factor*Patch] or with 3 channels. Test
// samples are those of the images in tests. Where that is nil, every sixth of the images
// that are large enough for a patch, or the last one of fewer, is in the test part with all
// its patches.
//
// It returns an error when a field of o is out of range, when fewer than two images
// are large enough, or one of each part where there are tests, or when a part takes more
// than MaxBytes.
func SuperResolution(images, tests *Images, o Super) (train, test *Set, err error) {
	if o.Stride == 0 {
		o.Stride = o.Patch
	}
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	parts, err := o.split(images, tests)
	if err != nil {
		return nil, nil, err
	}
	if train, err = o.cut(parts[0]); err != nil {
		return nil, nil, err
	}
	o.Stride = o.Patch
	if test, err = o.cut(parts[1]); err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

// split returns the images of training and test that are large enough for a patch. Whole
// images are split, not patches: patches of one image look alike, and the test would be too
// easy.
func (o Super) split(images, tests *Images) (parts [2]*Images, err error) {
	if tests != nil {
		if parts[0], err = o.large(images, 1); err == nil {
			parts[1], err = o.large(tests, 1)
		}
		return parts, err
	}
	large, err := o.large(images, 2)
	if err != nil {
		return parts, err
	}
	parts = [2]*Images{{Name: images.Name}, {Name: images.Name}}
	for i, m := range large.List {
		p := parts[0]
		if isTest(i) || len(large.List) < splitEvery && i == len(large.List)-1 {
			p = parts[1]
		}
		p.List = append(p.List, m)
	}
	return parts, nil
}

// large returns the images of which neither side is shorter than that of a target, and an
// error where they are fewer than least.
func (o Super) large(images *Images, least int) (*Images, error) {
	side := o.Factor * o.Patch
	large := &Images{Name: images.Name}
	for _, m := range images.List {
		if min(m.Height, m.Width) >= side {
			large.List = append(large.List, m)
		}
	}
	if len(large.List) < least {
		return nil, fmt.Errorf("data: %s: %d images of at least %d x %[3]d pixels, want %d",
			images.Name, len(large.List), side, least)
	}
	return large, nil
}

// check returns an error unless every field is in its range.
func (o Super) check() error {
	for _, f := range []struct {
		name             string
		value, low, high int
	}{{"factor", o.Factor, 2, 8}, {"patch", o.Patch, 1, 1024}, {"stride", o.Stride, 1, 1024}} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("data: super-resolution: %s is %d, want %d..%d", f.name, f.value, f.low, f.high)
		}
	}
	return nil
}

// cut makes a set of the patches of images.
func (o Super) cut(images *Images) (*Set, error) {
	name, patches, channels := images.Name, 0, images.List[0].Channels
	for _, m := range images.List {
		patches += o.steps(m.Height) * o.steps(m.Width)
	}
	side := o.Factor * o.Patch
	// The targets are Factor^2 times the samples: they alone are counted.
	if patches > MaxBytes/(channels*side*side) {
		return nil, fmt.Errorf("data: %s: %d patches of %d x %[3]d pixels take more than the limit of %d bytes",
			name, patches, side, MaxBytes)
	}
	what := fmt.Sprintf("%s, %d patches of %d images", name, patches, len(images.List))
	s := &Set{
		Name:  what + fmt.Sprintf(" reduced %d times", o.Factor),
		Shape: imageShape(channels, o.Patch, o.Patch), Scale: ByteScale,
		Layout: NCHW, Bytes: make([]uint8, 0, patches*channels*o.Patch*o.Patch),
		Targets: &Set{
			Name: what, Shape: imageShape(channels, side, side), Scale: ByteScale,
			Layout: NCHW, Bytes: make([]uint8, 0, patches*channels*side*side),
		},
	}
	for _, m := range images.List {
		// A patch at (y, x) of the small image shows what the patch at Factor*(y,
		// x) of the large one does: images are cropped at the far sides only, so
		// their origins agree.
		small := m.Reduce(o.Factor)
		for y := 0; y+o.Patch <= small.Height; y += o.Stride {
			for x := 0; x+o.Patch <= small.Width; x += o.Stride {
				s.Bytes = small.patch(s.Bytes, y, x, o.Patch)
				s.Targets.Bytes = m.patch(s.Targets.Bytes, y*o.Factor, x*o.Factor, side)
			}
		}
	}
	return s, nil
}

// steps returns how many patches lie along a side of so many pixels. large has
// made sure that one fits; a rest below Stride is left out.
func (o Super) steps(side int) int { return (side/o.Factor-o.Patch)/o.Stride + 1 }

// patch appends the square of the given side at (y, x) to dst.
func (m *Image) patch(dst []uint8, y, x, side int) []uint8 {
	for c := range m.Channels {
		for r := y; r < y+side; r++ {
			at := (c*m.Height+r)*m.Width + x
			dst = append(dst, m.Pixels[at:at+side]...)
		}
	}
	return dst
}

// Reduce returns m without the pixels beyond the last multiple of factor, factor
// times smaller: bicubic (a = -1/2) with the kernel stretched by the factor, as the
// benchmarks of super-resolution do. The crop makes the factor exact in both directions:
// without it the grids would drift apart by up to a pixel of the large image.
func (m *Image) Reduce(factor int) *Image {
	return m.resample(m.Height/factor, m.Width/factor, m.Height/factor*factor, m.Width/factor*factor)
}

// Enlarge returns m factor times larger, bicubic (a = -1/2): what a network for
// super-resolution has to beat.
func (m *Image) Enlarge(factor int) *Image {
	return m.resample(factor*m.Height, factor*m.Width, m.Height, m.Width)
}

// Autoencoder returns a set whose targets are its samples. It shares their
// memory and has no labels.
func Autoencoder(s *Set) *Set {
	t := *s
	t.Labels, t.Classes = nil, 0
	// Targets have no targets of their own: hence a copy, not t itself, which would
	// be a cycle.
	t.Targets = nil
	target := t
	t.Targets = &target
	return &t
}

// Bicubic returns what enlarging the samples of a super-resolution set (Image.Enlarge)
// gives, to compare a network with: the mean over samples of
// PSNR = -10 log10(MSE) in dB, of values in 0..1, at most 100 for each. It panics
// unless s is a set of SuperResolution.
func Bicubic(s *Set) float64 {
	sum, t := 0.0, s.Targets
	h := t.Shape[len(t.Shape)-2]
	for i := range s.Len() {
		small := imageOf(s, i)
		m := small.Enlarge(h / small.Height)
		sum += psnr(m.Pixels, t.Bytes[i*t.Size():(i+1)*t.Size()])
	}
	return sum / float64(s.Len())
}

// imageOf returns sample i as an image. It shares s's memory. Only Bytes are looked
// at: SuperResolution makes no other sets.
func imageOf(s *Set, i int) *Image {
	n, axes := s.Size(), len(s.Shape)
	h, w := s.Shape[axes-2], s.Shape[axes-1]
	return &Image{Channels: n / (h * w), Height: h, Width: w, Pixels: s.Bytes[i*n : (i+1)*n]}
}

// psnr compares bytes, see Bicubic. The sum is of integers, hence exact. Equal
// images have an infinite PSNR, which would swallow every mean: 100 dB stands for
// it.
func psnr(a, b []uint8) float64 {
	sum := 0
	for i, v := range a {
		d := int(v) - int(b[i])
		sum += d * d
	}
	mse := float64(sum) / float64(len(a)) * ByteScale * ByteScale
	return min(-10*math.Log10(mse), 100)
}
