package jepa

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Scopes of the fixed projections of a memory model. They are measured once, on
// what stage 1 has learnt, and no gradient changes them.
const (
	scopeProjection = "projection" // below ScopeEncoder: the grid to the latent
	ScopeTarget     = "target"     // pixels to what a pixel predictor predicts, TargetPixels
)

// ProjectionPaths returns the store paths, without the leading slash, of the
// mean [P] and the basis [P, D] by which an encoder of kind cells turns its grid
// of P numbers into a latent, or, for pixels, by which TargetPixels turns a
// frame of P numbers into a target.
func ProjectionPaths(pixels bool) (mean, basis string) {
	scope := ScopeEncoder + "/" + scopeProjection
	if pixels {
		scope = ScopeTarget
	}
	return scope + "/mean", scope + "/basis"
}

// Cells returns the sides of the grid of an encoder of kind cells.
func (c Config) Cells() (h, w int) {
	h, w = c.Frame.Height, c.Frame.Width
	for i, s := range c.Encoder.Strides {
		k := c.Encoder.Kernels[i]
		h, w = (h+2*cellPadding(k, s)-k)/s+1, (w+2*cellPadding(k, s)-k)/s+1
	}
	return h, w
}

// cellPadding centres the window of a kernel on the cell that it makes.
func cellPadding(kernel, stride int) int { return max(0, kernel-stride+1) / 2 }

// Cells maps raw frames pixels [N, H, W, C] uint8 to the grid [N, h, w, c] of an
// encoder of kind cells: convolutions with a ReLU between them and none after
// the last. Without layers the grid is the normalised frame. Kernels begin
// orthogonal, so that what an untrained encoder sees depends little on its seed.
func (n Network) Cells(root *model.Scope, pixels *Node) *Node {
	e := n.Config.Encoder
	h, mix := n.normalise(pixels), (*Node)(nil)
	if n.Config.Input == InputMix && len(e.Channels) > 0 {
		h, mix = n.centred(pixels), n.mixMatrix(pixels.Graph())
	}
	scope := root.At(ScopeEncoder)
	for i, channels := range e.Channels {
		if i > 0 {
			h, mix = nn.ReLU(h), nil
		}
		k, s := e.Kernels[i], e.Strides[i]
		h = nn.Conv2D(scope.At("conv%d", i), h, nn.ConvConfig{
			Out: channels, Kernel: k, Stride: s, Padding: cellPadding(k, s), Weight: nn.Orthogonal(1), Mix: mix,
		})
	}
	return h
}

// CellsPredict returns the next grid [N, h, w, c] from those of two frames,
// earlier and latest: latest plus convolutions 3x3 of the short predictor's
// widths with ReLU, then one of 1x1.
func (n Network) CellsPredict(root *model.Scope, earlier, latest *Node) *Node {
	p := n.Short()
	scope := root.At("%s", p.Scope)
	h := Concatenate([]*Node{earlier, latest}, -1)
	for i, width := range p.Config.Hidden {
		h = nn.ReLU(nn.Conv2D(scope.At("conv%d", i), h, nn.ConvConfig{Out: width, Kernel: 3, Padding: 1}))
	}
	c := latest.Shape().Dimensions[3]
	return Add(latest, nn.Conv2D(scope.At("out"), h, nn.ConvConfig{Out: c, Kernel: 1}))
}

// CellsDecode returns frames [N, H, W, C], in normalised units, read off a grid
// [N, h, w, c] whose cells divide the frame evenly: a linear map of each cell to
// its own patch. Only the pixel twin of stage 1 uses it.
func (n Network) CellsDecode(root *model.Scope, grid *Node) *Node {
	f := n.Config.Frame
	dims := grid.Shape().Dimensions
	ph, pw := f.Height/dims[1], f.Width/dims[2]
	patches := nn.Conv2D(root.At("%s", n.Short().Scope).At("decode"), grid, nn.ConvConfig{Out: ph * pw * f.Channels, Kernel: 1})
	patches = Reshape(patches, dims[0], dims[1], dims[2], ph, pw, f.Channels)
	return Reshape(TransposeAllDims(patches, 0, 1, 3, 2, 4, 5), dims[0], f.Height, f.Width, f.Channels)
}

// Frames returns what the encoder sees of raw frames [N, H, W, C] uint8:
// normalised float32 of the same shape.
func (n Network) Frames(pixels *Node) *Node { return n.normalise(pixels) }

// project returns (x - mean)·basis for x [N, P]: [N, D].
func (n Network) project(scope *model.Scope, x *Node) *Node {
	p := x.Shape().Dimensions[1]
	mean := nn.Variable(scope, "mean", nn.Zeros(), x.DType(), p).NodeValue(x)
	basis := nn.Variable(scope, "basis", nn.FanIn(p), x.DType(), p, n.Config.Latent()).NodeValue(x)
	return DotProduct(Sub(x, InsertAxes(mean, 0)), basis)
}

// Target returns the target [N, D] of TargetPixels for raw frames pixels
// [N, H, W, C] uint8: the normalised frame on its principal components.
func (n Network) Target(root *model.Scope, pixels *Node) *Node {
	return n.project(root.At(ScopeTarget), nn.Flatten(n.normalise(pixels)))
}

// centred is what InputMix mixes: x/255 - PixelMean for pixels [N, H, W, C].
func (n Network) centred(pixels *Node) *Node {
	dims := pixels.Shape().Dimensions
	rows := ConvertDType(Reshape(pixels, dims[0], dims[1], dims[2]*dims[3]), dtypes.Float32)
	return Reshape(n.standardise(rows, dims[2]), dims...)
}

// mix applies PixelMix to x [N, H, W, C].
func (n Network) mix(x *Node) *Node {
	dims := x.Shape().Dimensions
	return Reshape(DotProduct(Reshape(x, -1, dims[3]), n.mixMatrix(x.Graph())), dims...)
}

func (n Network) mixMatrix(g *Graph) *Node {
	c := n.Config.Frame.Channels
	matrix := make([][]float32, c)
	for i := range c {
		matrix[i] = make([]float32, c)
		for j := range c {
			matrix[i][j] = float32(n.Config.PixelMix[i*c+j])
		}
	}
	return Const(g, matrix)
}
