package flow

import "slices"

// Entries says how a step is done for some entries of its first axis at a time: for an image, from that image.
type Entries struct {
	N     int              // how many there are; 0 if any number does that fits
	Fits  func(n int) bool // nil: N alone
	Least int              // fewest entries of a turn that pay; above 0, steps of any size go along with them
	Fetch bool             // does so much arithmetic that what comes next can be brought into the cache meanwhile
	Whole []int            // storage read beyond the entry that is computed: weights, repeated rows
	Sums  []int            // storage written when all entries are done
}

// Batch is steps that are done entry by entry: each part of the batch in turns of Grain entries, each turn by all steps.
type Batch struct {
	N, Parts, Grain int
	Steps           []*Step
	Soon            []Soon // by step, after Plan
}

// Limits say what is done entry by entry. None depends on the number of threads: sums have the same bits for any.
type Limits struct {
	Entries int // fewest: parts enough for many threads
	Bytes   int // fewest that a step touches: less stays in the cache anyway
	Parts   int // most
	Cache   int // what the entries of a turn take in a step, half of a small second-level cache
	Spread  int // how many times more a step may touch for an entry than another
	Rows    int // fewest rows of a product whose entries are rows
	Turn    int // fewest of them in a turn, which repay reading all of the other operand
}

// DefaultLimits were measured on processors with 1 and 2 MB of second-level cache a core.
func DefaultLimits() Limits {
	return Limits{Entries: 64, Bytes: 4 << 20, Parts: 32, Cache: 1 << 19, Spread: 4, Rows: 1024, Turn: 64}
}

// EntryByEntry returns how many of the first steps can be done entry by entry together, and the number of entries: each
// computes entry i of a batch from entry i of what it reads, so that a few entries go through all steps before
// the next few do. What a step wrote is then in the cache when the next one reads it, and no thread waits between them.
//
//	y = conv(x, w); z = maxpool(y)   →   for images i: y[i] = conv(x[i], w); z[i] = maxpool(y[i])
//
// A sum over all entries, such as the gradient of w, is added up within each part of the batch, and then over the parts.
// It returns 0, 0 if the first step is done on its own.
func (m Stores) EntryByEntry(steps []*Step, l Limits) (n, batch int) {
	least, most, turn := 0, 0, 0
	for n < len(steps) && steps[n].Entries != nil {
		s := steps[n]
		b, took := max(batch, s.Entries.N), m.byEntry(s)
		turn = max(turn, s.Entries.Least)
		uneven := took < l.Bytes || n > 0 && (took*l.Spread < most || took > least*l.Spread)
		if turn == 0 && uneven || turn*max(most, took) > 2*l.Cache*b || !m.inOrder(steps[:n], s) {
			break
		}
		if b > 0 && slices.ContainsFunc(steps[:n+1], func(s *Step) bool { return !s.Entries.fit(b) }) {
			break
		}
		if n == 0 {
			least = took
		}
		batch, least, most = b, min(least, took), max(most, took)
		n++
	}
	if batch < l.Entries || n < 2 {
		return 0, 0
	}
	return n, batch
}

func (e *Entries) fit(n int) bool {
	if e.N > 0 {
		return n == e.N
	}
	return e.Fits(n)
}

// byEntry returns the bytes that a step touches entry by entry.
func (m Stores) byEntry(s *Step) int {
	return m.Bytes(slices.DeleteFunc(s.Touched(), func(id int) bool {
		return slices.Contains(s.Entries.Whole, id) || slices.Contains(s.Entries.Sums, id)
	}))
}

// inOrder says whether s needs of the steps before only the entries that it computes.
func (m Stores) inOrder(before []*Step, s *Step) bool {
	whole := slices.Clone(s.Entries.Whole)
	for _, id := range s.Reads {
		if m[id].Kind == View {
			whole = append(whole, id)
		}
	}
	return !slices.ContainsFunc(before, func(b *Step) bool {
		return m.Meet(b.Writes, whole) || m.Meet(b.Entries.Sums, s.Reads)
	})
}

// Together returns one step that does several entry by entry, and sets the batch's sizes.
func (m Stores) Together(steps []*Step, n int, l Limits) Step {
	b := &Batch{N: n, Steps: steps}
	all := Step{Batch: b}
	most, least := 1, 1
	for i, s := range steps {
		least = max(least, s.Entries.Least)
		most = max(most, m.byEntry(s)/n)
		all.Reads, all.Writes = append(all.Reads, s.Reads...), append(all.Writes, s.Writes...)
		for _, pair := range s.InPlace {
			if m.lastByEntry(b, pair[1]) == i {
				all.InPlace = append(all.InPlace, pair)
			}
		}
	}
	b.Parts = max(1, min(l.Parts, n/least))
	part := (n + b.Parts - 1) / b.Parts
	turn := max(least, l.Cache/most)
	turns := min((part+turn-1)/turn, max(1, part/least))
	b.Grain = (part + turns - 1) / turns
	return all
}

// lastByEntry returns the last step that touches a storage, or -1 if one does so other than entry by entry.
func (m Stores) lastByEntry(b *Batch, id int) int {
	last := -1
	for i, s := range b.Steps {
		if m.Meet(s.Entries.Whole, []int{id}) || m.Meet(s.Entries.Sums, []int{id}) {
			return -1
		}
		for _, x := range s.Touched() {
			if m.Root(x) != m.Root(id) {
				continue
			}
			if m[x].Kind == View {
				return -1
			}
			last = i
		}
	}
	return last
}
