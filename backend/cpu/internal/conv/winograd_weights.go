package conv

import (
	"unsafe"

	"foresee/backend/cpu/internal/pool"
)

// gradPlan cuts the rows of tiles of all images into chunks by the shape alone, and says where
// things lie: chunks sums [16, cin, cout], then the workers' memory, in which the padded dy
// starts at dy and the planes at planes.
type gradPlan struct {
	chunks, sum        int
	rows               int // most rows of tiles of a chunk in one image
	images, dy, planes int
	image, total       int
}

func (w *winograd) gradPlan(c Crew) gradPlan {
	p := gradPlan{sum: winogradPlanes * w.cin * w.cout, rows: w.tileRows}
	tiles := w.n * w.tileRows * w.tileCols
	p.chunks = c.sums(max(1, min(maxChunks, w.n*w.tileRows, tiles/(4*chunkPixels))))
	if w.n < p.chunks {
		p.rows = min(p.rows, ceilDiv(w.n*w.tileRows, p.chunks))
	}
	p.images = p.chunks * p.sum
	p.dy = w.imageFloats(p.rows)
	p.planes = p.dy + 4*p.rows*w.tileCols*w.cout
	p.image = p.planes + winogradPlanes*w.block*w.tileCols*(w.cin+w.cout)
	p.total = p.images + c.Threads*p.image
	return p
}

type winogradGradJob struct {
	*winograd
	plan weightsPlan
	grad gradPlan
	x    []float32
	dy   []float32
	ws   []float32
	dw   []float32
	states[winogradCalls]
}

// weights returns the job that computes dw [3, 3, cin, cout].
func (w *winograd) weights(c Crew, a WeightArgs) sumJob {
	plan := w.gradPlan(c)
	ws := workspace("BackwardWeights", a.Workspace, plan.total)
	return &winogradGradJob{winograd: w, states: newStates[winogradCalls](c.Threads), grad: plan, x: a.X, dy: a.DY, dw: a.DW, ws: ws, plan: weightsPlan{chunks: plan.chunks, ld: w.cout}}
}

func (j *winogradGradJob) sums() int { return j.grad.chunks }

// Finish implements SumJob.
func (j *winogradGradJob) Finish(*pool.Pool) {
	p := &j.grad
	j.k.sumParts((*byte)(unsafe.Pointer(&sumCall{
		dst: unsafe.Pointer(&j.ws[0]), src: unsafe.Pointer(&j.ws[0]), vecs: p.sum / j.k.lanes, parts: p.chunks, stride: 4 * p.sum,
	})))
	winogradGradient(j.dw, j.ws[:p.sum], j.cin*j.cout)
}

// Part computes one chunk's sums.
func (j *winogradGradJob) Part(worker, part int) {
	from, to := j.plan.chunk(part, Shape{N: j.n, OutH: j.tileRows})
	j.add(rowRange{worker, part, from, to, true, nil})
}

// Add implements SumJob.
func (j *winogradGradJob) Add(t Turn) { j.add(t.rows(j.tileRows)) }

// add adds rows of tiles over all images to a chunk's sums, or begins them with those.
func (j *winogradGradJob) add(r rowRange) {
	p := &j.grad
	scratch := j.ws[p.images+r.worker*p.image:][:p.image]
	image, dy, planes := scratch[:p.dy], scratch[p.dy:p.planes], scratch[p.planes:]
	sum := j.ws[r.part*p.sum:][:p.sum]
	calls := j.of(r.worker, func(calls *winogradCalls) {
		calls.image, calls.dy = packer{k: j.k, h: j.h, w: j.w, c: j.cin}, packer{k: j.k, h: j.outH, w: j.outW, c: j.cout}
		calls.product = weightsJob{k: j.k, plan: j.plan, s: Shape{Cin: j.cin, Cout: j.cout, KW: 1, StrideH: 1, StrideW: 1}}
		calls.next.k = j.k
	})
	calls.outer = outerCall{fresh: r.flag(), rows: 1}
	sizeX, sizeDY := j.h*j.w*j.cin, j.outH*j.outW*j.cout
	from, to := r.from, r.to
	for from < to {
		n, r0 := from/j.tileRows, from%j.tileRows
		r1 := min(j.tileRows, r0+to-from)
		from += r1 - r0
		calls.image.pack(image, j.x[n*sizeX:][:sizeX], window{
			row: 2*r0 - j.padTop, col: -j.padLeft, rows: 2*(r1-r0) + 2, cols: 2*j.tileCols + 2,
		})
		calls.dy.pack(dy, j.dy[n*sizeDY:][:sizeDY], window{row: 2 * r0, rows: 2 * (r1 - r0), cols: 2 * j.tileCols})
		if from == to {
			calls.next.aim(r.soon, winogradPlanes*ceilDiv(r1-r0, j.block))
		}
		for t := r0; t < r1; t += j.block {
			rows := min(j.block, r1-t)
			v := planes[:winogradPlanes*rows*j.tileCols*j.cin]
			g := planes[len(v):][:winogradPlanes*rows*j.tileCols*j.cout]
			j.input(&calls.transform, v, image[2*(t-r0)*(2*j.tileCols+2)*j.cin:], rows)
			j.gradient(&calls.transform, g, dy[2*(t-r0)*2*j.tileCols*j.cout:], rows)
			j.products(calls, v, g, sum)
			calls.outer.fresh = 0
		}
	}
}

// gradient transforms some rows of tiles of a padded dy to planes g [16, tiles, cout].
func (w *winograd) gradient(c *winogradCall, g, dy []float32, rows int) {
	line := 2 * w.tileCols * w.cout
	_ = dy[2*rows*line-1]
	*c = winogradCall{row: 4 * line, pix: 4 * w.cout, tiles: w.tileCols, vecs: w.cout / w.k.lanes, plane: 4 * len(g) / winogradPlanes}
	for r := range rows {
		c.src, c.dst = unsafe.Pointer(&dy[2*r*line]), unsafe.Pointer(&g[r*w.tileCols*w.cout])
		w.k.winogradGrad((*byte)(unsafe.Pointer(c)))
	}
}

// products adds the 16 products of v and g over the tiles to sum [16, cin, cout].
func (j *winogradGradJob) products(c *winogradCalls, v, g, sum []float32) {
	tiles := len(v) / winogradPlanes / j.cin
	c.outer.cols = tiles
	for i := range winogradPlanes {
		c.next.step()
		c.product.outer(&c.outer, v[i*tiles*j.cin:][:tiles*j.cin], 0, g[i*tiles*j.cout:][:tiles*j.cout], sum[i*j.cin*j.cout:])
	}
}
