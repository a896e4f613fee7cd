// Package arena places memory of known lifetimes in one block.
package arena

import "slices"

// Allocator hands out intervals of an arena that grows as needed. The zero value is an empty arena.
type Allocator struct {
	top  int
	free []interval // sorted by start, never touching each other
}

type interval struct{ start, size int }

// Top returns the size the arena had to grow to.
func (a *Allocator) Top() int { return a.top }

// Take returns the start of the smallest free interval that fits n.
func (a *Allocator) Take(n int) int {
	best := -1
	for i, f := range a.free {
		if f.size >= n && (best < 0 || f.size < a.free[best].size) {
			best = i
		}
	}
	if best >= 0 {
		f := &a.free[best]
		at := f.start
		f.start, f.size = f.start+n, f.size-n
		if f.size == 0 {
			a.free = slices.Delete(a.free, best, best+1)
		}
		return at
	}
	if k := len(a.free) - 1; k >= 0 && a.free[k].start+a.free[k].size == a.top {
		at := a.free[k].start
		a.free = a.free[:k]
		a.top = at + n
		return at
	}
	at := a.top
	a.top += n
	return at
}

// Give takes back the n from at on, which Take handed out.
func (a *Allocator) Give(at, n int) {
	i, _ := slices.BinarySearchFunc(a.free, at, func(f interval, at int) int { return f.start - at })
	a.free = slices.Insert(a.free, i, interval{at, n})
	if i+1 < len(a.free) && a.free[i].start+a.free[i].size == a.free[i+1].start {
		a.free[i].size += a.free[i+1].size
		a.free = slices.Delete(a.free, i+1, i+2)
	}
	if i > 0 && a.free[i-1].start+a.free[i-1].size == a.free[i].start {
		a.free[i-1].size += a.free[i].size
		a.free = slices.Delete(a.free, i, i+1)
	}
}
