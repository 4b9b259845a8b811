//go:build !amd64

package tile

// Fast says that this processor has a kernel, without which Multiply is slow.
const Fast = false

// fast is not there.
func (p *Product) fast() { p.plain() }
