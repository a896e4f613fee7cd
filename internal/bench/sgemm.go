package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"

	_ "foresee/backend/cpu" // the default backend
	"foresee/report"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// SgemmConfig says which matrix products to measure. The zero value means 20
// runs of 1024 and 2048 on the backend cpu.
type SgemmConfig struct {
	Sizes   []int  // rows and columns of the square matrices; empty means 1024 and 2048
	Runs    int    // measured runs of each size; 0 means 20, fewer than 10 is an error
	Backend string // GoMLX backend configuration; "" means cpu
	Seed    uint64 // of the matrices' entries, uniform in [-1, 1)
}

// Sgemm measures float32 matrix products A·B of n x n matrices, run as a
// compiled graph of one DotGeneral, and OpenBLAS's cblas_sgemm beside it if the
// shared library is installed.
//
//	gflops = 2·n³ / 10⁹ / median seconds
//
// Rows: bench/sgemm/<n>/gflops, and with OpenBLAS bench/sgemm/<n>/openblas and
// bench/sgemm/<n>/ratio (ours over OpenBLAS's). Without it the note of the first
// says why. Both use GOMAXPROCS threads, and blocks of their runs alternate. The
// results of the two must agree to 1e-3, or it is an error. An option of the backend to
// multiply with fewer bits is not heeded.
func Sgemm(ctx context.Context, cfg SgemmConfig) (rows []report.Row, err error) {
	if len(cfg.Sizes) == 0 {
		cfg.Sizes = []int{1024, 2048}
	}
	if cfg.Backend == "" {
		cfg.Backend = "cpu"
	}
	if cfg.Runs, err = enoughRuns(cfg.Runs); err != nil {
		return nil, err
	}
	backend, err := openBackend(inFloat32(cfg.Backend))
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	blas, missing := openBLAS(runtime.GOMAXPROCS(0))
	for _, n := range cfg.Sizes {
		if n < 1 {
			return nil, fmt.Errorf("bench: sgemm of size %d", n)
		}
		p, err := newProduct(backend, n, cfg.Seed)
		if err != nil {
			return nil, fmt.Errorf("bench: sgemm %d: %w", n, err)
		}
		m, err := p.measure(ctx, cfg.Runs, blas)
		if err := errors.Join(err, p.free()); err != nil {
			return nil, fmt.Errorf("bench: sgemm %d: %w", n, err)
		}
		rows = append(rows, m.rows(n, backend.Name(), blas, missing)...)
	}
	return rows, nil
}

// inFloat32 is a backend's configuration without the option that makes products of integers of those of float32.
func inFloat32(config string) string {
	name, options, _ := strings.Cut(config, ":")
	if name != "cpu" {
		return config
	}
	all := slices.DeleteFunc(strings.Split(options, ","), func(o string) bool { return strings.HasPrefix(o, "products=") })
	return strings.TrimSuffix(name+":"+strings.Join(all, ","), ":")
}

// openBackend opens a registered backend; GoMLX panics for an unknown name.
func openBackend(config string) (b compute.Backend, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("bench: backend %q: %v", config, r)
		}
	}()
	return compute.NewWithConfig(config)
}

// product is the compiled graph of one n x n matrix product and its inputs.
type product struct {
	n       int
	a, b, c []float32 // [n, n]; c is scratch for the peer
	program compute.Executable
	inputs  []compute.Buffer
}

func newProduct(backend compute.Backend, n int, seed uint64) (*product, error) {
	p := &product{n: n, a: make([]float32, n*n), b: make([]float32, n*n), c: make([]float32, n*n)}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	for i := range p.a {
		p.a[i], p.b[i] = 2*r.Float32()-1, 2*r.Float32()-1
	}
	shape := shapes.Make(dtypes.Float32, n, n)
	builder := backend.Builder("sgemm")
	main := builder.Main()
	x, err := main.Parameter("a", shape, nil)
	if err != nil {
		return nil, err
	}
	y, err := main.Parameter("b", shape, nil)
	if err != nil {
		return nil, err
	}
	z, err := main.DotGeneral(x, []int{1}, nil, y, []int{0}, nil, compute.DotGeneralConfig{})
	if err != nil {
		return nil, err
	}
	if err := main.Return([]compute.Value{z}, nil); err != nil {
		return nil, err
	}
	if p.program, err = builder.Compile(); err != nil {
		return nil, err
	}
	for _, flat := range [][]float32{p.a, p.b} {
		buffer, err := backend.BufferFromFlatData(0, flat, shape)
		if err != nil {
			return nil, errors.Join(err, p.free())
		}
		p.inputs = append(p.inputs, buffer)
	}
	return p, nil
}

// ours runs the graph; a result that is not nil receives the product.
func (p *product) ours(result []float32) error {
	out, err := p.program.Execute(p.inputs, nil, 0)
	if err != nil {
		return err
	}
	if result != nil {
		err = out[0].ToFlatData(result)
	}
	return errors.Join(err, out[0].Finalize())
}

func (p *product) peer(blas *openblas) error {
	blas.square(p.n, p.a, p.b, p.c)
	return nil
}

// sgemmTimes are the runs of one size.
type sgemmTimes struct{ ours, peer sample }

// measure warms both up, compares their results and times them in turn.
func (p *product) measure(ctx context.Context, runs int, blas *openblas) (*sgemmTimes, error) {
	result := make([]float32, p.n*p.n)
	for range warmRuns {
		if err := p.ours(result); err != nil {
			return nil, err
		}
		if blas != nil {
			blas.square(p.n, p.a, p.b, p.c)
		}
	}
	if blas != nil {
		if gap := largestGap(result, p.c); !(gap <= 1e-3) {
			return nil, fmt.Errorf("the product differs from OpenBLAS's by %g", gap)
		}
	}
	m := &sgemmTimes{}
	for len(m.ours) < runs {
		n := min(blockRuns, runs-len(m.ours))
		if err := m.ours.block(ctx, n, func() error { return p.ours(nil) }); err != nil {
			return nil, err
		}
		if blas == nil {
			continue
		}
		if err := m.peer.block(ctx, n, func() error { return p.peer(blas) }); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// free gives the buffers and the program back.
func (p *product) free() error {
	var errs []error
	for _, b := range p.inputs {
		errs = append(errs, b.Finalize())
	}
	p.program.Finalize()
	return errors.Join(errs...)
}

// rows turns the runs of size n into figures.
func (m *sgemmTimes) rows(n int, backend string, blas *openblas, missing error) []report.Row {
	work := 2 * math.Pow(float64(n), 3) / 1e9
	name := fmt.Sprintf("bench/sgemm/%d/", n)
	note := fmt.Sprintf("backend %s, %d threads", backend, runtime.GOMAXPROCS(0))
	if blas == nil {
		return []report.Row{m.ours.rate(name+"gflops", "gflops", work, note+"; OpenBLAS not measured: "+missing.Error())}
	}
	ours := m.ours.rate(name+"gflops", "gflops", work, note)
	peer := m.peer.rate(name+"openblas", "gflops", work, blas.name())
	ratio := report.Row{Name: name + "ratio", Value: ours.Value / peer.Value, Unit: "1", N: len(m.ours), Note: "ours over OpenBLAS"}
	return []report.Row{ours, peer, ratio}
}

// largestGap returns the largest |a-b|; NaN if one of them holds one.
func largestGap(a, b []float32) float64 {
	gap := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return d
		}
		gap = max(gap, d)
	}
	return gap
}
