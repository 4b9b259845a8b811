package nn

// Transpose sets dst to blocks of rows x cols elements, one after the other in src,
// each transposed.
func Transpose[T any](dst, src []T, rows, cols int) {
	for ; len(src) > 0; dst, src = dst[rows*cols:], src[rows*cols:] {
		for r := range rows {
			for c, v := range src[r*cols : (r+1)*cols] {
				dst[c*rows+r] = v
			}
		}
	}
}

// Transposed returns what Transpose makes of v; v itself where that is the same. With
// rows channels of cols positions, samples or rows of weights that have their channels
// first get them last; with the two exchanged it is undone.
func Transposed[T any](v []T, rows, cols int) []T {
	if rows == 1 || cols == 1 {
		return v
	}
	out := make([]T, len(v))
	Transpose(out, v, rows, cols)
	return out
}
