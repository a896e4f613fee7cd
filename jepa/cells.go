package jepa

import (
	"strings"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// Projection is one of the fixed projections of a memory model. They are measured once, on what stage 1 has learnt, and
// no gradient changes them.
type Projection string

// The projections, by where they are in the store.
const (
	ProjectGrid    = Projection(ScopeEncoder + "/projection") // the grid of cells to a latent's first numbers
	ProjectTexture = Projection(ScopeEncoder + "/texture")    // the frame's texture, see Unprojected, to its last ones
	ProjectPixels  = Projection("target")                     // pixels to what a pixel predictor predicts, TargetPixels
)

// Paths returns the store paths, without the leading slash, of the mean [P] and the basis [P, D] of a projection of P
// numbers to D.
func (p Projection) Paths() (mean, basis string) { return string(p) + "/mean", string(p) + "/basis" }

// Projections lists those that a model of c has.
func (c Config) Projections() []Projection {
	if c.Encoder.Kind != EncoderCells {
		return nil
	}
	all := []Projection{ProjectGrid}
	if c.Encoder.Texture {
		all = append(all, ProjectTexture)
	}
	if c.Predictor.Target == TargetPixels {
		all = append(all, ProjectPixels)
	}
	return all
}

// Projected returns to how many numbers, D, a projection of Projections leads; of one that a model of c does not have
// it says nothing but for ProjectTexture, whose 13 numbers a channel it always is.
func (c Config) Projected(p Projection) int {
	switch {
	case p == ProjectTexture:
		return c.textureWidth()
	case p == ProjectGrid && c.Encoder.Texture:
		return c.Encoder.Latent - c.textureWidth()
	}
	return c.Encoder.Latent
}

// Unprojected returns what a projection is of, [N, P] float32, for raw frames pixels [N, H, W, C] uint8: for ProjectGrid
// Cells and for ProjectPixels Frames, row by row; for ProjectTexture how strong each channel is and how it differs from
// itself up to two pixels off, wherever that is, the 13 numbers of a channel together, with dy ≥ 0, and dx ≥ 0 where dy is 0:
//
//	g_c(0, 0) = 1/(H·W)·Σ_yx x_c(y, x)²,   g_c(dy, dx) = 1/(2·H·W)·Σ_yx (x_c(y, x) - x_c(y + dy, x + dx))²,   x = pixel/255 - PixelMean
//
// Frames too small for it panic, see Config.Validate.
func (n Network) Unprojected(root *model.Scope, p Projection, pixels *Node) *Node {
	switch p {
	case ProjectTexture:
		return n.texture(pixels)
	case ProjectPixels:
		return nn.Flatten(n.normalise(pixels))
	}
	return nn.Flatten(n.Cells(root, pixels))
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

// Project returns (x - mean)·basis for what a projection is of x, see Unprojected: [N, D] for raw frames pixels
// [N, H, W, C] uint8.
func (n Network) Project(root *model.Scope, p Projection, pixels *Node) *Node {
	x := n.Unprojected(root, p, pixels)
	scope, width := root, x.Shape().Dim(1)
	for _, name := range strings.Split(string(p), "/") {
		scope = scope.At("%s", name)
	}
	mean := nn.Variable(scope, "mean", nn.Zeros(), x.DType(), width).NodeValue(x)
	basis := nn.Variable(scope, "basis", nn.FanIn(width), x.DType(), width, n.Config.Projected(p)).NodeValue(x)
	return DotProduct(Sub(x, InsertAxes(mean, 0)), basis)
}

// encodeCells is Encode of an encoder of kind cells.
func (n Network) encodeCells(root *model.Scope, pixels *Node) *Node {
	z := n.Project(root, ProjectGrid, pixels)
	if n.Config.Encoder.Texture {
		z = Concatenate([]*Node{z, n.Project(root, ProjectTexture, pixels)}, -1)
	}
	return z
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
