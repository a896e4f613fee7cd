package watch

import (
	"math"
	"sync"
	"time"
)

// Buckets of Latency: each is a twentieth wider than the one before.
const (
	latencyLeast   = 10 * time.Microsecond
	latencyGrowth  = 1.05
	latencyBuckets = 400 // to about 50 minutes
)

// Latency counts times in buckets, so that its quantiles are within 5 % of the
// exact ones whatever their number. The zero value is empty.
type Latency struct {
	mu     sync.Mutex
	counts [latencyBuckets]int
	total  int
}

// Add counts a time. It may be called from several goroutines.
func (l *Latency) Add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(d)
}

func (l *Latency) add(d time.Duration) {
	at := 0
	if d > latencyLeast {
		at = int(math.Ceil(math.Log(float64(d)/float64(latencyLeast)) / math.Log(latencyGrowth)))
	}
	l.counts[min(at, latencyBuckets-1)]++
	l.total++
}

// Quantile returns the time that a share q of those counted do not exceed, at
// most 5 % too long and never less than 10 µs; 0 if none was counted. It panics
// unless q is in [0, 1].
func (l *Latency) Quantile(q float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.quantile(q)
}

func (l *Latency) quantile(q float64) time.Duration {
	if !(q >= 0 && q <= 1) {
		panic("watch: Latency: quantile outside [0, 1]")
	}
	if l.total == 0 {
		return 0
	}
	want, seen := max(1, int(math.Ceil(q*float64(l.total)-1e-9))), 0
	for i, n := range l.counts {
		if seen += n; seen >= want {
			return time.Duration(float64(latencyLeast) * math.Pow(latencyGrowth, float64(i)))
		}
	}
	return 0
}
