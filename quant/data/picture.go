package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg"
	"image/png"
	"io"
	"os"
)

// maxPixels bounds the size of one image. That is 5792 x 5792, of which newImage's
// RGBA copy takes 128 MiB.
const maxPixels = 1 << 25

// Image is one picture of unsigned bytes.
type Image struct {
	// Name is its file, or says what it is.
	Name string
	// Channels is 1 (grey) or 3 (red, green, blue).
	Channels int
	// Height and Width are in pixels.
	Height, Width int
	// Pixels holds Channels x Height x Width values.
	Pixels []uint8
}

// imageShape returns the shape of a sample that is an image.
func imageShape(channels, h, w int) []int {
	if channels == 1 {
		return []int{h, w}
	}
	return []int{channels, h, w}
}

// pictureFile is an open image file of which only the header was read. Its user
// closes it.
type pictureFile struct {
	file   *os.File
	config image.Config
}

// openPicture reads the header of a PNG or JPEG file and checks that the file
// can be as large as it says.
func openPicture(path string) (*pictureFile, error) {
	// Asked before the file is opened: opening a named pipe waits for a writer.
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("data: %s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	c, err := pictureConfig(f, st.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return &pictureFile{f, c}, nil
}

// pictureConfig reads the header of an image of the given size in bytes. The
// decoders size memory by the header alone, so one that promises more pixels
// than the file can hold is refused.
func pictureConfig(r io.Reader, bytes int64) (image.Config, error) {
	c, format, err := image.DecodeConfig(r)
	if err != nil {
		return c, decodeError(err)
	}
	// A quotient, since the product of two 32-bit lengths may overflow.
	if c.Width < 1 || c.Height < 1 || c.Width > maxPixels/c.Height {
		return c, fmt.Errorf("image of %d x %d pixels, want at most %d pixels", c.Width, c.Height, maxPixels)
	}
	if least := leastBytes(format, c); bytes < least {
		return c, fmt.Errorf("truncated: an image of %d x %d pixels takes at least %d bytes, had %d",
			c.Width, c.Height, least, bytes)
	}
	return c, nil
}

// leastBytes returns a lower bound of the size of an image file. Deflate packs at
// most 1032 to 1 (zlib's technical notes); JPEG spends at least one bit on the DC
// coefficient of each 8 x 8 block (ITU-T T.81, F.1.2.1). Both hold for interlaced
// and progressive files as well.
func leastBytes(format string, c image.Config) int64 {
	pixels := int64(c.Width) * int64(c.Height)
	if format == "jpeg" {
		return pixels / (64 * 8)
	}
	bits := int64(1) // grey and palettes have 1 to 8 bits per pixel
	switch c.ColorModel {
	case color.Gray16Model:
		bits = 16
	case color.RGBAModel, color.NRGBAModel:
		bits = 16 // grey with alpha; colour has 24 or 32
	case color.RGBA64Model, color.NRGBA64Model:
		bits = 32
	}
	return pixels * bits / (8 * 1032)
}

// decode reads the image with the given number of channels.
func (p *pictureFile) decode(channels int) (*Image, error) {
	name := p.file.Name()
	// The header was read before.
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	m, _, err := image.Decode(p.file)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", name, decodeError(err))
	}
	return newImage(name, m, channels), nil
}

// channels returns 1 for a file without colours and 3 for any other.
func (p *pictureFile) channels() int {
	if p.config.ColorModel == color.GrayModel || p.config.ColorModel == color.Gray16Model {
		return 1
	}
	return 3
}

// decodeError words what the decoders of package image say.
func decodeError(err error) error {
	switch {
	case errors.Is(err, image.ErrFormat):
		return errors.New("not a PNG or JPEG image")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("truncated: the image ends early")
	}
	return fmt.Errorf("image does not decode: %w", err)
}

// newImage converts m to bytes in channels-first order: red, green and blue, or
// the luminance of the JPEG standard (JFIF: 0.299 R + 0.587 G + 0.114 B), which
// leaves grey as it is. Deeper colours keep their upper 8 bits; transparent
// pixels lie on black.
func newImage(name string, m image.Image, channels int) *Image {
	b := m.Bounds()
	// Every colour model goes through 8-bit RGBA, premultiplied by alpha: that is
	// what puts transparent pixels on black.
	rgba := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(rgba, rgba.Rect, m, b.Min, draw.Src)
	n := b.Dx() * b.Dy()
	out := &Image{Name: name, Channels: channels, Height: b.Dy(), Width: b.Dx(), Pixels: make([]uint8, channels*n)}
	for i := range n {
		px := rgba.Pix[4*i : 4*i+3 : 4*i+3]
		if channels == 1 {
			out.Pixels[i], _, _ = color.RGBToYCbCr(px[0], px[1], px[2])
			continue
		}
		out.Pixels[i], out.Pixels[n+i], out.Pixels[2*n+i] = px[0], px[1], px[2]
	}
	return out
}

// pictureNames returns the names of the PNG and JPEG files in dir, sorted. Hidden
// files are left out. Their order decides which images are in the test part: see
// isTest.
func pictureNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isPicture(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// WithPixels returns m, whose sizes are set, with levels as its pixels: one for each channel of
// each position in turn, as networks give them, 0..255. It panics where their number differs.
func (m Image) WithPixels(levels []int32) *Image {
	n := m.Height * m.Width
	if len(levels) != m.Channels*n {
		panic(fmt.Sprintf("data: %d levels for an image of %d x %d x %d", len(levels), m.Channels, m.Height, m.Width))
	}
	m.Pixels = make([]uint8, len(levels))
	for i, v := range levels {
		m.Pixels[i%m.Channels*n+i/m.Channels] = uint8(v)
	}
	return &m
}

// Set returns a set whose one sample is m, whose memory it shares.
func (m *Image) Set() *Set {
	return &Set{Name: m.Name, Shape: imageShape(m.Channels, m.Height, m.Width), Layout: NCHW, Bytes: m.Pixels,
		Scale: ByteScale}
}

// PNG returns m as a PNG file: grey, or 8 bits of each colour.
func (m *Image) PNG() ([]byte, error) {
	rect, n := image.Rect(0, 0, m.Width, m.Height), m.Height*m.Width
	var picture image.Image = &image.Gray{Pix: m.Pixels, Stride: m.Width, Rect: rect}
	if m.Channels == 3 {
		rgba := image.NewRGBA(rect)
		for i := range n {
			copy(rgba.Pix[4*i:], []uint8{m.Pixels[i], m.Pixels[n+i], m.Pixels[2*n+i], 0xff})
		}
		picture = rgba
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, fmt.Errorf("data: %s: %w", m.Name, err)
	}
	return b.Bytes(), nil
}
