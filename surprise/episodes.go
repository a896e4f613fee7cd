package surprise

import (
	"fmt"
	"math"
)

// EpisodeConfig says which exceedances make one alarm. The zero value is one
// alarm at every exceedance that does not follow another at once.
type EpisodeConfig struct {
	Need       int `json:"need"`       // exceedances among the last Of that begin an episode; 0 means 1
	Of         int `json:"of"`         // 0 means Need
	Refractory int `json:"refractory"` // quiet scores that end an episode; 0 means 1
}

// Episodes counts alarms as a person would: one from the first exceedances to
// the end of the trouble. It is for one goroutine at a time.
type Episodes struct {
	cfg   EpisodeConfig
	last  []bool // ring of the last Of
	next  int
	count int // true in last
	quiet int // scores since the last exceedance
	open  bool
}

// NewEpisodes returns the faults of cfg as an error.
func NewEpisodes(cfg EpisodeConfig) (*Episodes, error) {
	if cfg.Need == 0 {
		cfg.Need = 1
	}
	if cfg.Of == 0 {
		cfg.Of = cfg.Need
	}
	if cfg.Refractory == 0 {
		cfg.Refractory = 1
	}
	if cfg.Need < 1 || cfg.Of < cfg.Need || cfg.Refractory < 1 {
		return nil, fmt.Errorf("surprise: episodes: need %d of %d, refractory %d, want 1 <= need <= of and 1 <= refractory", cfg.Need, cfg.Of, cfg.Refractory)
	}
	return &Episodes{cfg: cfg, last: make([]bool, cfg.Of)}, nil
}

// Observe takes whether a score exceeds the threshold and reports whether an
// episode begins with it.
func (e *Episodes) Observe(exceeds bool) (begins bool) {
	if e.last[e.next] {
		e.count--
	}
	e.last[e.next] = exceeds
	e.next = (e.next + 1) % len(e.last)
	if exceeds {
		e.count++
		e.quiet = 0
	} else {
		e.quiet++
	}
	if e.open && e.quiet >= e.cfg.Refractory {
		e.open = false
	}
	if !e.open && exceeds && e.count >= e.cfg.Need {
		e.open = true
		return true
	}
	return false
}

// Open reports whether an episode is under way: nothing should be learnt from
// its scores.
func (e *Episodes) Open() bool { return e.open }

// Martingale gathers slow evidence that p-values are not uniform but small.
//
//	M_t = max(1, M_(t-1))·ε·p_t^(ε-1)
//
// Without the restart at 1 (Restart false: M_t = M_(t-1)·...), under exchangeable
// normal scores P(M ever >= 1/α) <= α, by Ville's inequality. With it, it is a
// CUSUM: it forgets a long quiet past, and normally reaches a level c at most
// once in c p-values on average. It is for one goroutine at a time.
//
// Source: Vovk, Nouretdinov, Gammerman, "Testing exchangeability on-line", ICML
// 2003, the simple power martingale; restarted as in Volkhonskiy et al.,
// arXiv 1706.03415, section 3.
type Martingale struct {
	Epsilon float64 // ε in (0, 1); 0 means 0.5
	Restart bool
	log     float64
}

// Observe takes a p-value in (0, 1] and returns log M. A p-value outside is a
// caller's mistake and panics; 0 says infinitely much, so floor it.
func (m *Martingale) Observe(p float64) float64 {
	if !(p > 0 && p <= 1) {
		panic(fmt.Sprintf("surprise: martingale: p = %g", p))
	}
	e := m.Epsilon
	if e == 0 {
		e = 0.5
	}
	if m.Restart {
		m.log = max(0, m.log)
	}
	m.log += math.Log(e) + (e-1)*math.Log(p)
	return m.log
}

// Log returns log M, 0 at the start.
func (m *Martingale) Log() float64 { return m.log }

// Reset starts again, as after an alarm.
func (m *Martingale) Reset() { m.log = 0 }

// Cap lowers log M to limit where it is above, so that evidence already acted on
// does not have to be paid back.
func (m *Martingale) Cap(limit float64) { m.log = min(m.log, limit) }
