package pool_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"foresee/backend/cpu/internal/pool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryPartRunsOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7} {
		p := pool.New(threads)
		if p.Threads() != threads {
			t.Fatalf("Threads() = %d, want %d", p.Threads(), threads)
		}
		for _, n := range []int{0, 1, 2, 3, 17, 1000} {
			for round := range 50 {
				counts := make([]int32, n)
				p.Run(n, func(i int) { atomic.AddInt32(&counts[i], 1) })
				for i, c := range counts {
					if c != 1 {
						t.Fatalf("threads %d, n %d, round %d: part %d ran %d times", threads, n, round, i, c)
					}
				}
			}
		}
		p.Close()
		p.Close()
	}
}

type scratchJob struct {
	used  []atomic.Int32
	clash atomic.Int32
	sum   atomic.Int64
}

func (j *scratchJob) Part(w, i int) {
	if j.used[w].Add(1) != 1 {
		j.clash.Add(1)
	}
	runtime.Gosched()
	j.sum.Add(int64(i))
	j.used[w].Add(-1)
}

func TestWorkerIsExclusive(t *testing.T) {
	p := pool.New(4)
	defer p.Close()
	j := &scratchJob{used: make([]atomic.Int32, 4)}
	for range 200 {
		p.Do(50, j)
	}
	if j.clash.Load() != 0 || j.sum.Load() != 200*50*49/2 {
		t.Fatalf("clashes %d, sum %d", j.clash.Load(), j.sum.Load())
	}
}

// TestFewPartsKeepTheirWorker has a part for each worker that waits for all the others to begin.
func TestFewPartsKeepTheirWorker(t *testing.T) {
	const threads = 4
	p := pool.New(threads)
	defer p.Close()
	j := &ownJob{parts: threads}
	for range 300 {
		j.begun.Store(0)
		p.Do(threads, j)
	}
	if n := j.others.Load(); n != 0 {
		t.Errorf("%d of %d parts were another worker's", n, 300*threads)
	}
}

// ownJob counts parts that another worker had.
type ownJob struct {
	parts         int32
	begun, others atomic.Int32
}

func (j *ownJob) Part(w, i int) {
	j.begun.Add(1)
	for j.begun.Load() < j.parts {
		runtime.Gosched()
	}
	if w != i {
		j.others.Add(1)
	}
}

func TestNestedAndConcurrent(t *testing.T) {
	p := pool.New(3)
	defer p.Close()
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				p.Run(5, func(int) { p.Run(4, func(int) { total.Add(1) }) })
			}
		})
	}
	wg.Wait()
	if total.Load() != 8*100*5*4 {
		t.Fatalf("total = %d", total.Load())
	}
}

func TestParkedWorkersWake(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	for range 20 {
		time.Sleep(time.Millisecond)
		// Each part waits for the other: this ends only if both threads take part.
		var meet sync.WaitGroup
		meet.Add(2)
		p.Run(2, func(int) { meet.Done(); meet.Wait() })
	}
}

func TestPanicReachesCaller(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	var ran atomic.Int32
	got := func() (v any) {
		defer func() { v = recover() }()
		p.Run(10, func(i int) {
			ran.Add(1)
			if i == 3 {
				panic(fmt.Sprint("part ", i))
			}
		})
		return nil
	}()
	if got != "part 3" || ran.Load() != 10 {
		t.Fatalf("recovered %v after %d parts", got, ran.Load())
	}
	ran.Store(0)
	p.Run(4, func(int) { ran.Add(1) })
	if ran.Load() != 4 {
		t.Fatalf("after a panic %d parts ran, want 4", ran.Load())
	}
}

func TestNilAndClosed(t *testing.T) {
	closed := pool.New(2)
	closed.Close()
	for _, p := range []*pool.Pool{nil, closed} {
		sum := 0
		p.Run(4, func(i int) { sum += i })
		if sum != 6 {
			t.Fatalf("sum = %d", sum)
		}
	}
	(*pool.Pool)(nil).Close()
	if (*pool.Pool)(nil).Threads() != 1 {
		t.Fatal("nil pool must count one thread")
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	p := pool.New(2)
	defer p.Close()
	var n atomic.Int64
	f := func(int) { n.Add(1) }
	if a := testing.AllocsPerRun(100, func() { p.Run(8, f) }); a != 0 {
		t.Fatalf("Run allocates %v times", a)
	}
}

func BenchmarkRun(b *testing.B) {
	p := pool.New(2)
	defer p.Close()
	f := func(int) {}
	b.ReportAllocs()
	for b.Loop() {
		p.Run(2, f)
	}
}

func BenchmarkRunAfterPark(b *testing.B) {
	p := pool.New(2)
	defer p.Close()
	var total time.Duration
	for b.Loop() {
		time.Sleep(300 * time.Microsecond)
		var meet sync.WaitGroup
		meet.Add(2)
		start := time.Now()
		p.Run(2, func(int) { meet.Done(); meet.Wait() })
		total += time.Since(start)
	}
	b.ReportMetric(float64(total.Nanoseconds())/float64(b.N), "ns/wake")
}
