//go:build linux && (amd64 || arm64) && !static

package bench

import (
	"fmt"
	"os"
	"sync"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/cpu"
)

// openblas is a loaded OpenBLAS.
type openblas struct {
	core    string
	threads int
	sgemm   cblasSgemm
}

// cblasSgemm is the C function of that name: row-major order 101, no
// transposition 111.
type cblasSgemm func(order, transA, transB, m, n, k int32, alpha float32, a *float32, lda int32,
	b *float32, ldb int32, beta float32, c *float32, ldc int32)

// loadOpenBLAS loads the shared library once for the process; it is never unloaded.
var loadOpenBLAS = sync.OnceValues(func() (*loadedBLAS, error) {
	// OpenBLAS chooses kernels when it is loaded, and a release older than the
	// CPU chooses badly. A core type in the environment is overruled: a peer is
	// to be measured at its best.
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		if err := os.Setenv("OPENBLAS_CORETYPE", "SkylakeX"); err != nil {
			return nil, err
		}
	} else if err := os.Unsetenv("OPENBLAS_CORETYPE"); err != nil {
		return nil, err
	}
	handle, err := purego.Dlopen("libopenblas.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("libopenblas.so.0 is not installed")
	}
	l := &loadedBLAS{}
	for name, fn := range map[string]any{
		"openblas_get_corename":    &l.corename,
		"openblas_set_num_threads": &l.setThreads,
		"cblas_sgemm":              &l.sgemm,
	} {
		if _, err := purego.Dlsym(handle, name); err != nil {
			return nil, fmt.Errorf("libopenblas.so.0 has no %s", name)
		}
		purego.RegisterLibFunc(fn, handle, name)
	}
	return l, nil
})

type loadedBLAS struct {
	corename   func() string
	setThreads func(int32)
	sgemm      cblasSgemm
}

// openBLAS loads OpenBLAS with kernels fit for this CPU and the given number of
// threads. The error says in a few words why there is none.
func openBLAS(threads int) (*openblas, error) {
	l, err := loadOpenBLAS()
	if err != nil {
		return nil, err
	}
	l.setThreads(int32(threads))
	return &openblas{core: l.corename(), threads: threads, sgemm: l.sgemm}, nil
}

// name describes the library for a note.
func (o *openblas) name() string {
	return fmt.Sprintf("OpenBLAS, core type %s, %d threads", o.core, o.threads)
}

// square writes a·b to c, all [n, n] row-major.
func (o *openblas) square(n int, a, b, c []float32) {
	d := int32(n)
	o.sgemm(101, 111, 111, d, d, d, 1, &a[0], d, &b[0], d, 0, &c[0], d)
}
