package conv

import (
	"unsafe"

	"foresee/backend/cpu/internal/pool"
	"foresee/backend/cpu/internal/winograd"
)

// gradPlan cuts the rows of tiles of all images into chunks by the shape alone, and says where
// things lie: chunks sums [25, cin, cout], then the workers' memory, in which the padded dy
// starts at dy and the planes at planes.
type gradPlan struct {
	chunks, sum        int
	rows               int // most rows of tiles of a chunk in one image
	images, dy, planes int
	image, total       int
}

func (w *fastPass) gradPlan(c Crew) gradPlan {
	p := gradPlan{sum: winograd.Planes * w.cin * w.cout, rows: w.tileRows}
	tiles := w.n * w.tileRows * w.tileCols
	p.chunks = c.sums(max(1, min(maxChunks, w.n*w.tileRows, tiles/(4*chunkPixels))))
	if w.n < p.chunks {
		p.rows = min(p.rows, ceilDiv(w.n*w.tileRows, p.chunks))
	}
	p.images = p.chunks * p.sum
	p.dy = w.imageFloats(p.rows)
	p.planes = p.dy + winograd.Tile*winograd.Tile*p.rows*w.tileCols*w.cout
	p.image = p.planes + w.planes()
	p.total = p.images + c.Threads*p.image
	return p
}

type winogradGradJob struct {
	*fastPass
	plan weightsPlan
	grad gradPlan
	x    []float32
	dy   []float32
	ws   []float32
	dw   []float32
	states[winogradCalls]
}

// weights returns the job that computes dw [3, 3, cin, cout].
func (w *fastPass) weights(c Crew, a WeightArgs) sumJob {
	plan := w.gradPlan(c)
	ws := workspace("BackwardWeights", a.Workspace, plan.total)
	return &winogradGradJob{fastPass: w, states: newStates[winogradCalls](c.Threads), grad: plan, x: a.X, dy: a.DY, dw: a.DW, ws: ws, plan: weightsPlan{chunks: plan.chunks, ld: w.cout}}
}

func (j *winogradGradJob) sums() int { return j.grad.chunks }

// Finish implements SumJob.
func (j *winogradGradJob) Finish(*pool.Pool) {
	p := &j.grad
	j.k.sumParts((*byte)(unsafe.Pointer(&sumCall{
		dst: unsafe.Pointer(&j.ws[0]), src: unsafe.Pointer(&j.ws[0]), vecs: p.sum / j.k.lanes, parts: p.chunks, stride: 4 * p.sum,
	})))
	winograd.Gradient(j.dw, j.ws[:p.sum], j.cin*j.cout)
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
	v, g := planes[:winograd.Planes*j.cap*j.cin], planes[winograd.Planes*j.cap*j.cin:]
	sizeX, sizeDY := j.h*j.w*j.cin, j.outH*j.outW*j.cout
	tiles := 0 // in the planes
	for from, to := r.from, r.to; from < to; {
		n, r0 := from/j.tileRows, from%j.tileRows
		r1 := min(j.tileRows, r0+to-from)
		from += r1 - r0
		calls.image.pack(image, j.x[n*sizeX:][:sizeX], j.under(r0, r1))
		grads := j.dy[(n*j.outH+winograd.Tile*r0)*j.outW*j.cout:]
		if j.outH%winograd.Tile != 0 || j.outW%winograd.Tile != 0 {
			calls.dy.pack(dy, j.dy[n*sizeDY:][:sizeDY], window{row: winograd.Tile * r0, rows: winograd.Tile * (r1 - r0), cols: winograd.Tile * j.tileCols})
			grads = dy
		}
		if from == to {
			calls.next.aim(r.soon, winograd.Planes*ceilDiv(r1-r0, j.block))
		}
		for t := r0; t < r1; t += j.block {
			rows := min(j.block, r1-t)
			j.input(&calls.transform, v[tiles*j.cin:], image[winograd.Tile*(t-r0)*j.cols()*j.cin:], rows)
			j.gradient(&calls.transform, g[tiles*j.cout:], grads[winograd.Tile*winograd.Tile*(t-r0)*j.tileCols*j.cout:], rows)
			tiles += rows * j.tileCols
			if tiles+j.block*j.tileCols > j.cap || from == to && t+rows == r1 {
				j.products(calls, v, g, sum, tiles)
				calls.outer.fresh, tiles = 0, 0
			}
		}
	}
}

// gradient transforms some rows of tiles of a padded dy to planes, which begin at g.
func (w *fastPass) gradient(c *winogradCall, g, dy []float32, rows int) {
	line, plane := winograd.Tile*w.tileCols*w.cout, w.cap*w.cout
	_, _ = dy[winograd.Tile*rows*line-1], g[(winograd.Planes-1)*plane+rows*w.tileCols*w.cout-1]
	*c = winogradCall{row: 4 * line, pix: 4 * w.cout, tiles: w.tileCols, vecs: w.cout / w.k.lanes, plane: 4 * plane}
	for r := range rows {
		c.src, c.dst = unsafe.Pointer(&dy[winograd.Tile*r*line]), unsafe.Pointer(&g[r*w.tileCols*w.cout])
		w.k.winogradGrad((*byte)(unsafe.Pointer(c)))
	}
}

// products adds the 25 products of some tiles of v and g to sum [25, cin, cout].
func (j *winogradGradJob) products(c *winogradCalls, v, g, sum []float32, tiles int) {
	c.outer.cols = tiles
	for i := range winograd.Planes {
		c.next.step()
		c.product.outer(&c.outer, v[i*j.cap*j.cin:][:tiles*j.cin], 0, g[i*j.cap*j.cout:][:tiles*j.cout], sum[i*j.cin*j.cout:])
	}
}
