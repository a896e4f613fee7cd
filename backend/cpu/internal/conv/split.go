package conv

// split divides N images of some rows into parts for the pool: groups of whole images, or bands
// of rows where images are few. It never changes results of a pass that has no reduction over
// pixels.
type split struct {
	images, height int
	perPart        int // images of a part; 1 when images are cut into bands
	perImage       int // bands of an image
	rows           int // rows of the tallest band
}

// partFLOP is the least work worth a part of its own: some 3 to 6 microseconds.
const partFLOP = 2.5e5

// splitImages wants several parts for each thread, so that the threads end together even when
// one is held up. The bands of few images are as many as threads: each thread then finds what it wrote in the pass
// before in its own cache, and packs fewer rows twice.
func splitImages(images, height int, flop float64, threads int) split {
	s := split{images: images, height: height, perPart: max(images, 1), perImage: 1, rows: height}
	if images == 0 || height == 0 || threads == 1 {
		return s
	}
	want := max(1, min(8*threads, int(flop/partFLOP)))
	if images >= want {
		s.perPart = images / want
		return s
	}
	if threads%images == 0 {
		want = min(want, threads)
	}
	s.perPart = 1
	s.rows = ceilDiv(height, min(ceilDiv(want, images), height))
	s.perImage = ceilDiv(height, s.rows)
	return s
}

func (s split) parts() int { return ceilDiv(s.images, s.perPart) * s.perImage }

// band is some images [n0, n1) and, of each, the rows [r0, r1).
type band struct {
	n0, n1, r0, r1 int
	soon           []float32 // to be fetched with the last image
}

func (s split) part(i int) band {
	n0, r0 := i/s.perImage*s.perPart, i%s.perImage*s.rows
	return band{n0: n0, n1: min(n0+s.perPart, s.images), r0: r0, r1: min(r0+s.rows, s.height)}
}

func (s split) whole(t Turn) band { return band{n0: t.Lo, n1: t.Hi, r1: s.height, soon: t.Soon} }

// after returns what to fetch beside some images from n on: the next as many of size floats in x, or what comes after the band.
func (b band) after(n, images, size int, x []float32) []float32 {
	if n += images; n < b.n1 {
		return x[n*size : min(b.n1, n+images)*size]
	}
	return b.soon
}
