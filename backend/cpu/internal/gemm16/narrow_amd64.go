package gemm16

import "unsafe"

// kernelAVX2 multiplies by VPMADDWD and adds by VPADDD: 16 products by two instructions, of which three can begin in a
// cycle, where VFMADD does 8 by one, of which two can.
func kernelAVX2() *kernel {
	return &kernel{mr: 6, nr: 16, run: runAVX2, rowNorms: rowNormsNarrow, rowQuants: rowQuantsNarrow,
		columnNorms: columnNormsNarrow, columnQuants: columnQuantsNarrow, turn: turnNarrow}
}

var rowsAVX2 = [7]func(*byte){nil, rows1x16, rows2x16, rows3x16, rows4x16, rows5x16, rows6x16}

var tilesAVX2 = [7]func(*byte){nil, tiles1x16, tiles2x16, tiles3x16, tiles4x16, tiles5x16, tiles6x16}

// runAVX2 computes tiles that are not of 16 columns in scratch memory.
func runAVX2(t *tile, rows, cols int, inTiles bool) {
	do, p := rowsAVX2[rows], (*byte)(unsafe.Pointer(t))
	if inTiles {
		do = tilesAVX2[rows]
	}
	if cols == 16 {
		do(p)
		return
	}
	whole, e := *t, t.edge
	down := whole.as
	if !inTiles {
		down *= rows
	}
	t.c, t.cs, t.columns = &e.c[0], 4*16, &e.columns[0]
	copy(e.columns[:], unsafe.Slice(whole.columns, cols))
	if whole.bias != nil {
		t.bias = &e.bias[0]
		copy(e.bias[:], unsafe.Slice(whole.bias, cols))
	}
	for i := range whole.tiles {
		t.a, t.rows, t.tiles = shift(whole.a, i*down), shift(whole.rows, 4*i*rows), 1
		if whole.add != 0 {
			for r := range rows {
				copy(e.c[16*r:], unsafe.Slice(shift(whole.c, (i*rows+r)*whole.cs), cols))
			}
		}
		do(p)
		for r := range rows {
			copy(unsafe.Slice(shift(whole.c, (i*rows+r)*whole.cs), cols), e.c[16*r:])
		}
	}
}

func (l *lines) cutAVX2(k int) { l.whole, l.rest = k/16, uint64(k%16) }

func rowNormsNarrow(l *lines, k int) {
	l.cutAVX2(k)
	rowNormsAVX2((*byte)(unsafe.Pointer(l)))
}

func rowQuantsNarrow(l *lines, k int) {
	l.cutAVX2(k)
	rowQuantsAVX2((*byte)(unsafe.Pointer(l)))
}

func columnNormsNarrow(s *strip, cols int) {
	whole := *s
	for c := 0; c < cols; c += 32 {
		s.src, s.squares, s.high = shift(whole.src, 4*c), shift(whole.squares, 4*c), shift(whole.high, 4*c)
		if s.mask = uint64(cols - c); s.mask >= 32 {
			columnNorms32((*byte)(unsafe.Pointer(s)))
			continue
		}
		columnNormsUpTo32((*byte)(unsafe.Pointer(s)))
	}
}

// columnQuantsNarrow writes 16 columns if there are more than 8, which only panels of B have. Else it writes 8 of a pair as
// long as they end before the columns of the last pair do, so that pairs that follow overwrite what they must; then only
// the columns.
func columnQuantsNarrow(s *strip, cols int) {
	p := (*byte)(unsafe.Pointer(s))
	s.mask = uint64(cols)
	switch {
	case cols == 16:
		columnQuants16AVX2(p)
		return
	case cols > 8:
		columnQuantsUpTo16AVX2(p)
		return
	}
	all := s.groups + s.odd
	whole := min(max(0, all-ceilDiv(32-4*cols, s.dstStep)), s.groups)
	rest := s.groups - whole
	if s.groups = whole; whole > 0 {
		odd := s.odd
		s.odd = 0
		columnQuantsUpTo8AVX2(p)
		s.odd = odd
	}
	if s.groups = rest; rest+s.odd > 0 {
		s.src, s.dst = shift(s.src, 2*whole*s.srcStep), shift(s.dst, whole*s.dstStep)
		columnQuantsEdgeAVX2(p)
	}
}

func turnNarrow(panel, rows *int16, step, groups int) {
	t := struct {
		panel, rows  *int16
		step, groups int
	}{panel, rows, step, groups}
	turnPanelAVX2((*byte)(unsafe.Pointer(&t)))
}
