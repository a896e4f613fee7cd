//go:build unix

package fence_test

import (
	"runtime/debug"
	"testing"
	"unsafe"

	"foresee/backend/cpu/internal/fence"
)

// TestAtEnd reads every element of a copy, and faults one further on.
func TestAtEnd(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for _, n := range []int{1, 3, 1024, 5000} {
		s := make([]uint32, n)
		for i := range s {
			s[i] = uint32(i)
		}
		c := fence.AtEnd(s)
		for i, v := range c {
			if v != uint32(i) {
				t.Fatalf("element %d of %d is %d", i, n, v)
			}
		}
		if !faults(unsafe.Add(unsafe.Pointer(&c[0]), 4*n)) {
			t.Errorf("the element behind %d was read", n)
		}
	}
	if got := fence.AtEnd([]uint32{}); len(got) != 0 {
		t.Errorf("%d elements of none", len(got))
	}
}

func faults(p unsafe.Pointer) (did bool) {
	defer func() { did = recover() != nil }()
	sink = *(*uint8)(p)
	return false
}

var sink uint8
