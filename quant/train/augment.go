package train

import (
	"fmt"

	"github.com/a2qgen/a2qgen/quant"
)

// Augment says how training samples, which are images, change each time they
// are trained on. Held-out and test samples never do.
type Augment struct {
	// Crop adds so many pixels of 0 on all sides and cuts an image of the old
	// size out at random (arXiv 1512.03385, section 4.2).
	Crop int `yaml:"crop"`
	// Flip mirrors left and right with probability 1/2.
	Flip bool `yaml:"flip"`
	// Shift moves by up to so many pixels in both directions; the pixels at the
	// border are repeated. Crop is applied to the shifted image.
	Shift int `yaml:"shift"`
}

// on says that there is something to do.
func (a Augment) on() bool { return a != Augment{} }

// check returns an error unless images of shape s can be changed so. Moving by a
// side or more could leave no pixel of the image.
func (a Augment) check(phase string, s quant.Shape) error {
	if !a.on() {
		return nil
	}
	field := "train: " + phase + ".augment"
	if s.Positions() == 1 {
		return fmt.Errorf("%s: samples have shape %v, want images", field, s)
	}
	side := min(s.H, s.W)
	if a.Crop >= side {
		return fmt.Errorf("%s.crop is %d, want 0..%d for images of %d x %d", field, a.Crop, side-1, s.H, s.W)
	}
	if a.Shift >= side {
		return fmt.Errorf("%s.shift is %d, want 0..%d for images of %d x %d", field, a.Shift, side-1, s.H, s.W)
	}
	return nil
}

// motion is what becomes of one image: pixel (y, x) shows (y+cropY, x+cropX) of the
// image that shows its own pixels moved by (shiftY, shiftX), mirrored. The order is
// the reverse of that in which a reader would say it: crop looks into the shifted
// image, shift into the mirrored one.
type motion struct {
	cropY, cropX, shiftY, shiftX int
	flip                         bool
}

// draw returns the motion of a sample in an epoch. It depends on its arguments
// alone, so neither threads nor a resume change it.
func (a Augment) draw(seed uint64, phase string, epoch int, sample int32) motion {
	// The phases are told apart by the lengths of their names. mix between the
	// arguments keeps neighbours, such as epoch 1 of sample 2 and epoch 2 of sample
	// 1, from meeting.
	d := drawer(mix(mix(mix(seed)^uint64(len(phase)))^uint64(epoch)) ^ uint64(sample))
	var m motion
	m.cropY, m.cropX = d.upTo(a.Crop), d.upTo(a.Crop)
	m.shiftY, m.shiftX = d.upTo(a.Shift), d.upTo(a.Shift)
	m.flip = a.Flip && d.next()>>63 == 1
	return m
}

// apply writes the moved image of codes, each as its value, to dst. Zeros outside
// the crop are real 0, also where the input quantiser is signed.
func (m motion) apply(codes []uint8, s quant.Shape, values *[256]float32, dst []float32) {
	for y := range s.H {
		cy := y + m.cropY
		for x := range s.W {
			cx := x + m.cropX
			out := dst[(y*s.W+x)*s.C:][:s.C]
			if cy < 0 || cy >= s.H || cx < 0 || cx >= s.W {
				clear(out)
				continue
			}
			sy, sx := clamp(cy+m.shiftY, s.H), clamp(cx+m.shiftX, s.W)
			if m.flip {
				sx = s.W - 1 - sx
			}
			for c, code := range codes[(sy*s.W+sx)*s.C:][:s.C] {
				out[c] = values[code]
			}
		}
	}
}

// clamp returns the index of 0..n-1 nearest to i.
func clamp(i, n int) int { return min(max(i, 0), n-1) }

// drawer is a sequence of random numbers: SplitMix64 (Steele, Lea and Flood,
// OOPSLA 2014, figure 14), which is as good from any state on.
type drawer uint64

// next returns 64 random bits.
func (d *drawer) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// upTo returns -n..n. The upper 32 bits times the number of values, divided by 2^32
// (Lemire): biased by less than one in 2^32/(2n+1).
func (d *drawer) upTo(n int) int {
	if n == 0 {
		return 0
	}
	return int(d.next()>>32*uint64(2*n+1)>>32) - n
}

// mix is SplitMix64's finaliser.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// input writes the samples of index to the network's input, changed as the phase's
// augmentation says. Augmentation moves codes and looks their values up, so a moved
// pixel is as exact as one in place.
func (r *run) input(index []int32) {
	a := r.config().Augment
	if !a.on() {
		r.train.gather(index, r.net.x)
		return
	}
	t := r.train
	for i, sample := range index {
		m := a.draw(r.spec.Seed, r.phase, r.epoch, sample)
		m.apply(t.codes[int(sample)*t.size:][:t.size], t.shape, &t.values, r.net.x[i*t.size:(i+1)*t.size])
	}
}
