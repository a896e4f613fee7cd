package flow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

const align = 8

// world is a random program: a step writes into each byte of an entry what it read there, mixed with its number.
type world struct {
	Stores
	steps   []*Step
	params  []int
	results []int
	batch   int
	share   map[*Step][2]int // entries that a step writes of a storage that another writes too
}

// randomWorld makes steps of a batch, and some that are not, over storage of one or two bytes an entry.
func randomWorld(r *rand.Rand) *world {
	w := &world{batch: 2 + r.IntN(9), share: map[*Step][2]int{}}
	for range 1 + r.IntN(3) {
		w.params = append(w.params, w.store(Param, r))
	}
	known := slices.Clone(w.params)
	var rest []*Step // second halves of what has a first
	for range 2 + r.IntN(12) {
		if len(rest) > 0 && r.IntN(2) == 0 {
			known = w.finish(rest[0], known, r)
			rest = rest[1:]
		}
		s := &Step{}
		for range 1 + r.IntN(2) {
			s.Reads = append(s.Reads, known[r.IntN(len(known))])
		}
		kind := Arena
		if r.IntN(8) == 0 {
			kind = Result
		}
		out := w.store(kind, r)
		s.Writes = []int{out}
		if kind == Result {
			w.results = append(w.results, out)
		}
		if r.IntN(6) == 0 {
			half := 1 + r.IntN(w.batch-1)
			second := &Step{Writes: s.Writes}
			w.share[s], w.share[second] = [2]int{0, half}, [2]int{half, w.batch}
			w.steps, rest = append(w.steps, s), append(rest, second)
			continue
		}
		if r.IntN(5) > 0 {
			s.Entries = w.entries(s, r)
		}
		if in := s.Reads[0]; w.Stores[in].Bytes == w.Stores[out].Bytes && !w.wide(s, in) && (s.Entries == nil || len(s.Entries.Sums) == 0) && r.IntN(2) == 0 {
			s.InPlace = [][2]int{{out, in}}
		}
		if s.Entries == nil && r.IntN(3) == 0 {
			t := w.store(Arena, r)
			s.Temps = []int{t}
		}
		w.steps = append(w.steps, s)
		known = append(known, out)
		if r.IntN(6) == 0 && w.Stores[out].Kind == Arena {
			w.Stores = append(w.Stores, Storage{Kind: View, Root: out, Bytes: w.batch})
			known = append(known, len(w.Stores)-1)
		}
	}
	for _, s := range rest {
		known = w.finish(s, known, r)
	}
	return w
}

// finish adds a step that writes the second half of a storage, which then is known.
func (w *world) finish(s *Step, known []int, r *rand.Rand) []int {
	s.Reads = []int{known[r.IntN(len(known))]}
	w.steps = append(w.steps, s)
	return append(known, s.Writes...)
}

func (w *world) store(kind Kind, r *rand.Rand) int {
	w.Stores = append(w.Stores, Storage{Bytes: w.batch * (1 + r.IntN(2)), Kind: kind})
	return len(w.Stores) - 1
}

func (w *world) entries(s *Step, r *rand.Rand) *Entries {
	e := &Entries{N: w.batch, Fetch: r.IntN(2) == 0}
	if r.IntN(3) == 0 {
		e.N, e.Fits = 0, func(n int) bool { return n == w.batch }
	}
	if r.IntN(4) == 0 {
		e.Whole = s.Reads[:1]
	}
	if r.IntN(5) == 0 {
		e.Sums = s.Writes
	}
	return e
}

// wide says whether a step reads more of a storage than the bytes that it writes from them.
func (w *world) wide(s *Step, in int) bool {
	return s.Entries == nil || slices.Contains(s.Entries.Whole, in) || w.Stores[in].Kind == View || len(s.Reads) > 1
}

// memory holds the bytes of a run: an arena, and parameters and results of their own.
type memory struct {
	w     *world
	arena []byte
	own   map[int][]byte
}

func newMemory(w *world, arena int) *memory {
	m := &memory{w: w, arena: make([]byte, arena), own: map[int][]byte{}}
	for i, s := range w.Stores {
		if s.Kind == Param || s.Kind == Result {
			m.own[i] = make([]byte, s.Bytes)
			for k := range m.own[i] {
				m.own[i][k] = byte(i + 3*k)
			}
		}
	}
	return m
}

func (m *memory) of(id int) []byte {
	s := m.w.Stores[id]
	switch s.Kind {
	case View:
		return m.of(s.Root)[s.Offset:][:s.Bytes]
	case Arena:
		return m.arena[s.Offset:][:s.Bytes]
	}
	return m.own[id]
}

// do computes the entries [lo, hi) of a step; of a sum, what they add.
func (m *memory) do(number int, s *Step, lo, hi int) {
	if p, ok := m.w.share[s]; ok {
		lo, hi = max(lo, p[0]), min(hi, p[1])
	}
	sums := s.Entries != nil && len(s.Entries.Sums) > 0
	for _, w := range s.Writes {
		out := m.of(w)
		each := len(out) / m.w.batch
		for e := lo; e < hi; e++ {
			for b := range each {
				v := byte(number)
				for _, r := range s.Reads {
					v += m.read(s, r, e, b)
				}
				if sums {
					for k := range out {
						out[k] += 7 * v
					}
					continue
				}
				out[e*each+b] = v
			}
		}
	}
}

func (m *memory) read(s *Step, r, e, b int) (v byte) {
	in := m.of(r)
	if s.Entries == nil || slices.Contains(s.Entries.Whole, r) || m.w.Stores[r].Kind == View {
		for k, x := range in {
			v += x * byte(1+k)
		}
		return v * byte(e+1)
	}
	each := len(in) / m.w.batch
	return 5 * in[e*each+b%each]
}

// run does all steps, those of batches in turns of random order, and returns the results.
func (m *memory) run(steps []*Step, numbers map[*Step]int, r *rand.Rand) (out [][]byte) {
	for _, s := range steps {
		for _, t := range s.Temps {
			fill(m.of(t), r)
		}
		all := []*Step{s}
		turns := [][2]int{{0, m.w.batch}}
		if s.Batch != nil {
			all, turns = s.Batch.Steps, nil
			for lo := 0; lo < m.w.batch; lo += s.Batch.Grain {
				turns = append(turns, [2]int{lo, min(m.w.batch, lo+s.Batch.Grain)})
			}
			r.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		}
		for _, one := range all {
			for _, t := range one.Temps {
				fill(m.of(t), r)
			}
			if one.Entries != nil && len(one.Entries.Sums) > 0 {
				clear(m.of(one.Writes[0]))
			}
		}
		for _, t := range turns {
			for _, one := range all {
				m.do(numbers[one], one, t[0], t[1])
			}
		}
	}
	for _, id := range m.w.results {
		out = append(out, m.own[id])
	}
	return out
}

func fill(b []byte, r *rand.Rand) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

// apart gives every storage memory of its own and runs the steps one after the other.
func (w *world) apart(numbers map[*Step]int, r *rand.Rand) [][]byte {
	at := 0
	for i := range w.Stores {
		if s := &w.Stores[i]; s.Kind == Arena {
			s.Offset = at
			at += s.Bytes
		}
	}
	return newMemory(w, at).run(w.steps, numbers, r)
}

// late moves some of the steps behind others and returns the number of places with another step than before.
func (w *world) late(r *rand.Rand) (moved int) {
	late := make([]bool, len(w.steps))
	for i, s := range w.steps {
		late[i] = s.Entries == nil && r.IntN(2) == 0
	}
	var steps []*Step
	for to, from := range w.Late(w.steps, late) {
		steps = append(steps, w.steps[from])
		if to != from {
			moved++
		}
	}
	w.steps = steps
	return moved
}

// grouped makes batches of the steps, as a compiler does.
func (w *world) grouped(l Limits) (steps []*Step, batches int) {
	for rest := w.steps; len(rest) > 0; {
		n, batch := w.EntryByEntry(rest, l)
		if n == 0 {
			n = 1
			steps = append(steps, rest[0])
		} else {
			all := w.Together(slices.Clone(rest[:n]), batch, l)
			steps, batches = append(steps, &all), batches+1
		}
		rest = rest[n:]
	}
	return steps, batches
}

// TestPlannedMemoryGivesTheSameResults runs random programs in planned memory, batches in turns of any order, and
// compares their results with those of the steps one after the other in memory of their own.
func TestPlannedMemoryGivesTheSameResults(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 1))
	batches, compared, saved, moved := 0, 0, 0, 0
	for i := range 5000 {
		w := randomWorld(r)
		numbers := map[*Step]int{}
		for k, s := range w.steps {
			numbers[s] = k + 1
		}
		want := w.apart(numbers, r)
		moved += w.late(r)
		steps, n := w.grouped(Limits{Entries: 2, Bytes: 1, Parts: 3, Cache: 1 + r.IntN(8), Spread: 4})
		batches += n
		size := w.Plan(steps, align)
		for _, s := range w.Stores {
			if s.Kind == Arena {
				saved += s.Bytes
			}
		}
		saved -= size
		got := newMemory(w, size).run(steps, numbers, r)
		for k := range want {
			compared++
			if !slices.Equal(got[k], want[k]) {
				t.Fatalf("program %d, result %d: %v, want %v\n%s", i, k, got[k], want[k], w.text(steps))
			}
		}
	}
	if batches < 2000 || compared < 2000 || saved < 0 || moved < 1000 {
		t.Errorf("%d batches, %d results compared, %d bytes saved, %d steps moved: too few to mean something", batches, compared, saved, moved)
	}
}

func (w *world) text(steps []*Step) (s string) {
	for i, m := range w.Stores {
		s += fmt.Sprintf("storage %d: %+v\n", i, m)
	}
	for _, p := range steps {
		if p.Batch == nil {
			s += fmt.Sprintf("step %+v\n", *p)
			continue
		}
		s += fmt.Sprintf("batch in turns of %d:\n", p.Batch.Grain)
		for _, q := range p.Batch.Steps {
			s += fmt.Sprintf("   %v -> %v, in place %v, %+v\n", q.Reads, q.Writes, q.InPlace, *q.Entries)
		}
	}
	return s
}
