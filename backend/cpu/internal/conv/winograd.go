package conv

import (
	"math"
	"unsafe"

	"foresee/backend/cpu/internal/winograd"
)

// The fast way is Winograd's F(3x3, 3x3), see package winograd. The kernels of the direct passes do its 25 products.

// winogradBlock is at most about how many floats one plane of a block of tiles has: the planes of both operands then stay
// in the second-level cache.
const winogradBlock = 2048

// winogradCall asks for tiles of one row of tiles. Steps are in bytes.
type winogradCall struct {
	src, dst unsafe.Pointer
	row      int // of the image, which is src, or dst of the output transform
	pix      int // from pixel to pixel and from tile to tile of a plane
	tiles    int // at least 1
	vecs     int // vectors of channels, at least 1
	plane    int // from plane to plane
	bias     unsafe.Pointer
	floor    float32
	rows     int // 1 to 3: output rows and columns of the tiles that exist
	cols     int
	left     int            // scratch of the assembly
	res      unsafe.Pointer // added before the floor, laid out like dst; or nil
}

// fastPass is one fast pass over images [h, w, cin] to [outH, outW, cout].
type fastPass struct {
	k                  *kernels
	n, h, w, cin, cout int
	padTop, padLeft    int
	outH, outW         int
	tileRows, tileCols int
	block              int // tile rows of a block
	group              int // images of a block, which has all of their rows if there are several
	cap                int // most tiles of a block
}

// useWinograd reports whether a pass takes the fast way.
func (k *kernels) useWinograd(s Shape) bool { return k.canWinograd(s) && s.Cin*s.Cout >= k.winogradTap }

// sumWinograd is useWinograd for a weight gradient, which pays on wide images for fewer channels.
func (k *kernels) sumWinograd(s Shape) bool {
	return k.canWinograd(s) && (s.Cin*s.Cout >= k.winogradTap || min(s.W, s.OutW) >= wideImage)
}

// wideImage is from how many pixels on a weight gradient takes the fast way whatever its channels.
const wideImage = 24

func (k *kernels) canWinograd(s Shape) bool {
	return s.Fast && k.winogradInput != nil && s.KH == 3 && s.KW == 3 && s.StrideH == 1 && s.StrideW == 1 &&
		s.Cin > 0 && s.Cout > 0 && s.Cin%k.lanes == 0 && s.Cout%k.lanes == 0 &&
		s.N*ceilDiv(s.OutH, winograd.Tile)*ceilDiv(s.OutW, winograd.Tile) >= max(1, k.winogradTiles)
}

func (k *kernels) newWinograd(s Shape) *fastPass {
	w := &fastPass{
		k: k, n: s.N, h: s.H, w: s.W, cin: s.Cin, cout: s.Cout, padTop: s.PadTop, padLeft: s.PadLeft,
		outH: s.OutH, outW: s.OutW, tileRows: ceilDiv(s.OutH, winograd.Tile), tileCols: ceilDiv(s.OutW, winograd.Tile),
	}
	most := winogradBlock / max(w.cin, w.cout)
	w.block = ceilDiv(w.tileRows, ceilDiv(w.tileRows*w.tileCols, max(most, w.tileCols)))
	w.group = max(1, most/(w.tileRows*w.tileCols))
	w.cap = w.group * w.block * w.tileCols
	return w
}

// transposed returns the convolution that is the data gradient of a stride-1 convolution.
func (s Shape) transposed() Shape {
	t := s
	t.H, t.W, t.Cin, t.OutH, t.OutW, t.Cout = s.OutH, s.OutW, s.Cout, s.H, s.W, s.Cin
	t.PadTop, t.PadLeft = s.KH-1-s.PadTop, s.KW-1-s.PadLeft
	t.PadBottom, t.PadRight = t.OutH-1+t.KH-t.H-t.PadTop, t.OutW-1+t.KW-t.W-t.PadLeft
	return t
}

// imageFloats is the size of the padded image under some rows of tiles.
func (w *fastPass) imageFloats(rows int) int {
	return (winograd.Tile*rows + 2) * w.cols() * w.cin
}

// cols returns the columns of a padded image.
func (w *fastPass) cols() int { return winograd.Tile*w.tileCols + 2 }

// planes is the size of the planes of a block.
func (w *fastPass) planes() int { return winograd.Planes * w.cap * (w.cin + w.cout) }

// forwardPlan: weights, then the bias, then the workers' memory.
func (w *fastPass) forwardPlan(flop float64, c Crew) forwardPlan {
	p := forwardPlan{split: c.split(w.n, w.tileRows, flop), wLd: w.cout}
	p.bias = winograd.Planes * w.cin * w.cout
	p.images = p.bias + w.cout
	p.image = w.imageFloats(p.rows) + w.planes()
	p.total = p.images + c.Threads*p.image
	return p
}

type winogradJob struct {
	*fastPass
	plan     forwardPlan
	x, y, ws []float32
	res      []float32 // added to y before the floor; nil for none
	bias     []float32
	floor    float32
	states[winogradCalls]
}

// forward returns the job that computes y; weights fills in the transformed weights [25, cin, cout].
func (w *fastPass) forward(c Crew, flop float64, a ForwardArgs, weights func(u []float32)) imageJob {
	plan := w.forwardPlan(flop, c)
	ws := workspace("Forward", a.Workspace, plan.total)
	j := &winogradJob{fastPass: w, states: newStates[winogradCalls](c.Threads), plan: plan, x: a.X, y: a.Y, res: a.Residual, ws: ws, bias: ws[plan.bias:plan.images], floor: float32(math.Inf(-1))}
	weights(ws[:plan.bias])
	clear(j.bias[copy(j.bias, a.Bias):])
	if a.ReLU {
		j.floor = 0
	}
	return j
}

// winogradCalls is a worker's state of a pass: what the kernels are told. They are called through pointers, so
// the compiler puts every call's arguments on the heap: one such struct a worker, not one of each kind a block.
type winogradCalls struct {
	image, dy packer
	next      ahead
	transform winogradCall
	tile      tileCall
	outer     outerCall
	product   weightsJob // gradient's, for its shape and plan
}

// Part computes one part's images or rows of tiles.
func (j *winogradJob) Part(worker, part int) { j.images(worker, j.plan.part(part)) }

func (j *winogradJob) parts() int { return j.plan.parts() }

// Images implements ImageJob.
func (j *winogradJob) Images(t Turn) { j.images(t.Worker, j.plan.whole(t)) }

func (j *winogradJob) images(worker int, b band) {
	scratch := j.ws[j.plan.images+worker*j.plan.image:][:j.plan.image]
	image := scratch[:j.imageFloats(j.plan.rows)]
	planes := scratch[len(image):]
	calls := j.of(worker, func(calls *winogradCalls) {
		calls.image, calls.next = packer{k: j.k, h: j.h, w: j.w, c: j.cin}, ahead{k: j.k}
	})
	v, m := planes[:winograd.Planes*j.cap*j.cin], planes[winograd.Planes*j.cap*j.cin:]
	size := j.h * j.w * j.cin
	for n := b.n0; n < b.n1; n += j.group {
		images := min(j.group, b.n1-n)
		calls.next.aim(b.after(n, images, size, j.x), 4*ceilDiv(b.r1-b.r0, j.block))
		for t := b.r0; t < b.r1; t += j.block {
			rows := min(j.block, b.r1-t)
			each := rows * j.tileCols
			for i := range images {
				if t == b.r0 {
					calls.image.pack(image, j.x[(n+i)*size:][:size], j.under(b.r0, b.r1))
				}
				j.input(&calls.transform, v[i*each*j.cin:], image[winograd.Tile*(t-b.r0)*j.cols()*j.cin:], rows)
			}
			j.multiply(calls, m, v, images*each)
			for i := range images {
				j.output(&calls.transform, m[i*each*j.cout:], n+i, t, rows)
			}
		}
	}
}

// under returns the window under the rows [r0, r1) of tiles.
func (w *fastPass) under(r0, r1 int) window {
	return window{row: winograd.Tile*r0 - w.padTop, col: -w.padLeft, rows: winograd.Tile*(r1-r0) + 2, cols: w.cols()}
}

// input transforms some rows of tiles of a padded image to planes, which begin at v.
func (w *fastPass) input(c *winogradCall, v, image []float32, rows int) {
	line, plane := w.cols()*w.cin, w.cap*w.cin
	_, _ = image[(winograd.Tile*rows+2)*line-1], v[(winograd.Planes-1)*plane+rows*w.tileCols*w.cin-1]
	*c = winogradCall{row: 4 * line, pix: 4 * w.cin, tiles: w.tileCols, vecs: w.cin / w.k.lanes, plane: 4 * plane}
	for r := range rows {
		c.src, c.dst = unsafe.Pointer(&image[winograd.Tile*r*line]), unsafe.Pointer(&v[r*w.tileCols*w.cin])
		w.k.winogradInput((*byte)(unsafe.Pointer(c)))
	}
}

// multiply computes the 25 products m of some tiles in the planes v and the weights: a kernel call makes the same tile in
// all planes.
func (j *winogradJob) multiply(calls *winogradCalls, m, v []float32, tiles int) {
	k := j.k
	call := &calls.tile
	*call = tileCall{taps: 1, depth: j.cin, tail: int32(k.lanes),
		xPix: 4 * j.cin, wStep: 4 * j.cout, yPix: 4 * j.cout,
		xTile: 4 * j.cap * j.cin, yTile: 4 * j.cap * j.cout, wTile: 4 * j.cin * j.cout}
	_, _ = v[((winograd.Planes-1)*j.cap+tiles)*j.cin-1], m[((winograd.Planes-1)*j.cap+tiles)*j.cout-1]
	vectors := j.cout / k.lanes
	for c := 0; c < vectors; c += call.vecs {
		call.vecs = k.block(vectors - c)
		parts := ceilDiv(tiles, k.pixels[call.vecs])
		for i, t := 0, 0; i < parts; i, t = i+1, t+call.pixels {
			calls.next.step()
			call.pixels, call.tiles = (tiles-t)/(parts-i), winograd.Planes
			call.x = unsafe.Pointer(&v[t*j.cin])
			call.w = unsafe.Pointer(&j.ws[c*k.lanes])
			call.y = unsafe.Pointer(&m[t*j.cout+c*k.lanes])
			k.forward[call.vecs][call.pixels]((*byte)(unsafe.Pointer(call)))
		}
	}
}

// output transforms products in the planes from m on to rows of tiles, from row t on, of image n of y.
func (j *winogradJob) output(c *winogradCall, m []float32, n, t, rows int) {
	line, plane := j.outW*j.cout, j.cap*j.cout
	_ = m[(winograd.Planes-1)*plane+rows*j.tileCols*j.cout-1]
	*c = winogradCall{row: 4 * line, pix: 4 * j.cout, vecs: j.cout / j.k.lanes, plane: 4 * plane,
		bias: unsafe.Pointer(&j.bias[0]), floor: j.floor}
	for r := range rows {
		first := winograd.Tile * (t + r)
		y := j.y[(n*j.outH+first)*line:]
		c.rows = min(winograd.Tile, j.outH-first)
		_ = y[c.rows*line-1]
		at, whole := r*j.tileCols*j.cout, j.outW/winograd.Tile
		if whole > 0 {
			c.src, c.dst, c.tiles, c.cols = unsafe.Pointer(&m[at]), unsafe.Pointer(&y[0]), whole, winograd.Tile
			c.res = j.residual((n*j.outH + first) * line)
			j.k.winogradOutput((*byte)(unsafe.Pointer(c)))
		}
		if c.cols = j.outW % winograd.Tile; c.cols > 0 {
			c.src, c.dst, c.tiles = unsafe.Pointer(&m[at+whole*j.cout]), unsafe.Pointer(&y[winograd.Tile*whole*j.cout]), 1
			c.res = j.residual((n*j.outH+first)*line + winograd.Tile*whole*j.cout)
			j.k.winogradOutput((*byte)(unsafe.Pointer(c)))
		}
	}
}

// residual returns where to read what is added to float i of y, or nil.
func (j *winogradJob) residual(i int) unsafe.Pointer {
	if j.res == nil {
		return nil
	}
	return unsafe.Pointer(&j.res[i])
}
