package cpu

import "foresee/backend/cpu/internal/exec"

// EntryByEntry lets steps be done entry by entry that are too small for it to pay.
func (b *Backend) EntryByEntry() {
	l := &b.machine.Batches
	l.Entries, l.Bytes, l.Rows, l.Turn = 2, 1, 2, 1
}

// NewShorts returns a backend as New("products=int16") does, on processors where that is slow too.
func NewShorts(threads int) *Backend { return &Backend{machine: exec.NewMachine(threads, true)} }
