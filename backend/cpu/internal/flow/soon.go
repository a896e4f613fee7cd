package flow

import "slices"

// Soon is storage whose entries are not in the cache when a later step of a batch wants them.
type Soon struct {
	Store, Each int  // bytes of an entry; 0 if there is nothing to fetch
	Next        bool // the entries of the next turn
}

// look finds for each step that has time for it what to fetch: the first storage of the steps behind, to the next such
// step, that no step before it in the batch touched, or that of the first step in the next turn. fresh says what is written to
// memory that nothing in the batch had before.
func (m Stores) look(b *Batch, fresh map[int]bool) {
	b.Soon = make([]Soon, len(b.Steps))
	for k, s := range b.Steps {
		if !s.Entries.Fetch {
			continue
		}
		for i := k + 1; i <= len(b.Steps); i++ {
			next := i % len(b.Steps)
			if id := m.cold(b, next, fresh); id >= 0 {
				b.Soon[k] = Soon{id, m[id].Bytes / b.N, i == len(b.Steps)}
				break
			}
			if b.Steps[next].Entries.Fetch {
				break
			}
		}
	}
}

// cold returns storage that step number k is the first of the batch to touch, or -1.
func (m Stores) cold(b *Batch, k int, fresh map[int]bool) int {
	s := b.Steps[k]
	for _, id := range s.Touched() {
		if slices.Contains(s.Entries.Whole, id) || slices.Contains(s.Entries.Sums, id) || slices.Contains(s.Writes, id) && !fresh[id] {
			continue
		}
		if !slices.ContainsFunc(b.Steps[:k], func(t *Step) bool { return m.Meet(t.Touched(), []int{id}) }) {
			return id
		}
	}
	return -1
}
