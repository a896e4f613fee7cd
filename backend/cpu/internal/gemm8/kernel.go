package gemm8

import "unsafe"

// maxColumns is the most columns of a panel, maxTile the most elements of a tile that has no masks.
const (
	maxColumns = 32
	maxTile    = 6 * 16
)

// tile is what a micro-kernel is told. The generator knows the layout of all but the last: 8 bytes a field.
type tile struct {
	a, b                *byte          // rows of A, and the panel of B
	c                   unsafe.Pointer // int32, or float32 if rows is not nil
	rows, columns, bias *float32       // the scales; bias may be nil
	groups              int            // of k, as many to a group as the kernel takes at once
	as, cs              int            // bytes from one row of A or C to the next
	tiles               int            // tiles down the rows, above 0; spent afterwards
	mask                uint64         // a bit for each column that is there
	scratch             *[maxTile]int32
}

// lines is rows of A that are to be laid out; the generator knows its layout too.
type lines struct {
	dst, src         *byte
	rows             int // above 0; spent afterwards
	dstStep, srcStep int // bytes from one row to the next
	whole            int // whole vectors of a row
	rest             uint64
}

// strip is columns of a panel of B that are to be packed; the generator knows its layout too.
type strip struct {
	dst, src *byte // the panel, what stands before it included, and the first value of B
	step     int   // bytes from one row of B to the next
	groups   int   // of rows, all of them there
	mask     uint64
	rest     [4]uint64 // the masks of the rows that follow the groups; 0 of rows that are not there
}

// kernel is one instruction set's way to do the work.
type kernel struct {
	mr, nr, depth int
	flipped       bool // A has 128 added, and the sums of columns stand before each panel of B
	// run computes t.tiles tiles of rows x cols, rows <= mr, cols <= nr.
	run func(t *tile, rows, cols int)
	// lay, if any, lays out rows of k values, valueBytes each; without it they are read in place.
	lay        func(l *lines, k int)
	valueBytes int
	// strip, if any, packs the first of k rows, k above 0, of cols columns of a B that is not transposed, and returns how
	// many: all, or as many whole groups as there are, or none.
	strip func(s *strip, k, cols int) (rows int)
}

func (kn *kernel) headBytes() int {
	if kn.flipped {
		return 4 * kn.nr
	}
	return 0
}

func (kn *kernel) panelBytes(k int) int { return kn.headBytes() + roundUp(k, kn.depth)*kn.nr }

// rowBytes returns the bytes from one row of A to the next where it is laid out: an odd number of cache lines, so that
// adjoining rows fall into different sets of the cache.
func (kn *kernel) rowBytes(k int) int { return roundUp(k*kn.valueBytes, 64) | 64 }

func runPortable(t *tile, rows, cols int) {
	k := t.groups
	b := unsafe.Slice((*int8)(unsafe.Pointer(t.b)), 8*k)
	for i := range t.tiles {
		var sums [4][8]int32
		for r := 0; r < rows && k > 0; r += 2 {
			second := min(r+1, rows-1) // the last row twice, if it is alone
			a0, a1 := t.rowOfA(i*rows+r, k), t.rowOfA(i*rows+second, k)
			for c := 0; c < cols; c += 4 {
				sums2x4((*[4]int32)(sums[r][c:]), (*[4]int32)(sums[second][c:]), a0, a1, b[c:])
			}
		}
		for r := range rows {
			t.finish(i*rows+r, sums[r][:cols])
		}
	}
}

func (t *tile) rowOfA(i, k int) []int8 {
	return unsafe.Slice((*int8)(unsafe.Add(unsafe.Pointer(t.a), i*t.as)), k)
}

// sums2x4 computes the sums of two rows and four columns in registers.
func sums2x4(c0, c1 *[4]int32, a0, a1, b []int8) {
	var s00, s01, s02, s03, s10, s11, s12, s13 int32
	a1 = a1[:len(a0)]
	for k, v := range a0 {
		x, y, z := int32(v), int32(a1[k]), b[8*k:][:4]
		z0, z1, z2, z3 := int32(z[0]), int32(z[1]), int32(z[2]), int32(z[3])
		s00 += x * z0
		s01 += x * z1
		s02 += x * z2
		s03 += x * z3
		s10 += y * z0
		s11 += y * z1
		s12 += y * z2
		s13 += y * z3
	}
	*c0 = [4]int32{s00, s01, s02, s03}
	*c1 = [4]int32{s10, s11, s12, s13}
}

// finish writes sums to row i of C. Each product is converted, lest the compiler fuse it with the sum that follows.
func (t *tile) finish(i int, sums []int32) {
	c := unsafe.Add(t.c, i*t.cs)
	if t.rows == nil {
		copy(unsafe.Slice((*int32)(c), len(sums)), sums)
		return
	}
	out := unsafe.Slice((*float32)(c), len(sums))
	scale := *(*float32)(unsafe.Add(unsafe.Pointer(t.rows), 4*i))
	columns := unsafe.Slice(t.columns, len(sums))
	for j, s := range sums {
		out[j] = float32(float32(float32(s)*scale) * columns[j])
	}
	if t.bias != nil {
		for j, v := range unsafe.Slice(t.bias, len(sums)) {
			out[j] += v
		}
	}
}
