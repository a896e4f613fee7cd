// Package flow arranges the steps of a program by what they read and write alone: which of them are done together,
// a few entries of a batch at a time (EntryByEntry), and where in one arena their results lie (Plan).
package flow

import "slices"

// Kind says where the memory of a storage comes from.
type Kind int8

// The zero value is a place in the arena.
const (
	Arena Kind = iota
	Param
	Result
	Const
	View
)

// Storage is a piece of memory that steps know by number.
type Storage struct {
	Bytes  int
	Kind   Kind
	Root   int    // of a view: what it looks into, never a view
	Offset int    // of a view: where; of arena memory: its place, after Plan
	Data   []byte // of a constant
}

// Stores are the storage of a program, by number.
type Stores []Storage

// Step is one kernel call. Every storage is written by one step, or by several, each other bytes of it, none of which
// has Entries or writes over an input.
type Step struct {
	Reads, Writes []int    // storage the step touches
	Temps         []int    // storage that lives during the step only
	InPlace       [][2]int // pairs {written, read} that may be the same memory
	Entries       *Entries // how it is done for some entries at a time, or nil
	Batch         *Batch   // of a step that stands for several
}

// Root follows a view to the storage it looks into.
func (m Stores) Root(id int) int {
	if s := &m[id]; s.Kind == View {
		return s.Root
	}
	return id
}

// Meet says whether two lists of storage have memory in common.
func (m Stores) Meet(a, b []int) bool {
	return slices.ContainsFunc(a, func(x int) bool {
		return slices.ContainsFunc(b, func(y int) bool { return m.Root(x) == m.Root(y) })
	})
}

// Apart says whether s neither reads nor writes what one of steps writes, nor writes what one reads.
func (m Stores) Apart(steps []*Step, s *Step) bool {
	return !slices.ContainsFunc(steps, func(t *Step) bool {
		return m.Meet(t.Writes, s.Reads) || m.Meet(t.Writes, s.Writes) || m.Meet(t.Reads, s.Writes)
	})
}

// Touched returns all that a step reads and writes, once.
func (s *Step) Touched() []int {
	var ids []int
	for _, id := range slices.Concat(s.Reads, s.Writes) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Bytes returns the size of some storage.
func (m Stores) Bytes(ids []int) (n int) {
	for _, id := range ids {
		n += m[id].Bytes
	}
	return n
}

// Moving returns the views whose place every run decides: those of parameters and results.
func (m Stores) Moving() (ids []int) {
	for i := range m {
		if s := &m[i]; s.Kind == View && (m[s.Root].Kind == Param || m[s.Root].Kind == Result) {
			ids = append(ids, i)
		}
	}
	return ids
}
