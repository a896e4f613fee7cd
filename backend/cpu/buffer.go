package cpu

import (
	"fmt"
	"math/bits"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"foresee/backend/cpu/internal/exec"
	"foresee/backend/cpu/internal/stream"
)

// Buffer implements compute.Buffer: a tensor in ordinary memory. Reading it from several
// goroutines is safe; Finalize and donation end its life.
type Buffer struct {
	backend *Backend
	shape   shapes.Shape
	data    []byte // len is the tensor's size, cap the pooled block's
	gone    atomic.Bool
}

// memory keeps finalized blocks for reuse, by size class.
type memory struct {
	mu     sync.Mutex
	blocks map[int][][]byte // guarded by mu
}

// sizeClass rounds n up to one of four steps per power of two, at least 64 bytes.
func sizeClass(n int) int {
	if n <= 64 {
		return 64
	}
	step := 1 << max(6, bits.Len(uint(n-1))-3)
	return (n + step - 1) / step * step
}

func (m *memory) take(n int) []byte {
	class := sizeClass(n)
	m.mu.Lock()
	if list := m.blocks[class]; len(list) > 0 {
		block := list[len(list)-1]
		m.blocks[class] = list[:len(list)-1]
		m.mu.Unlock()
		return block[:n]
	}
	m.mu.Unlock()
	return exec.Aligned(class)[:n]
}

func (m *memory) give(block []byte) {
	if cap(block) == 0 || sizeClass(cap(block)) != cap(block) {
		return
	}
	m.mu.Lock()
	if m.blocks == nil {
		m.blocks = map[int][][]byte{}
	}
	m.blocks[cap(block)] = append(m.blocks[cap(block)], block)
	m.mu.Unlock()
}

func (m *memory) clear() {
	m.mu.Lock()
	m.blocks = nil
	m.mu.Unlock()
}

func (b *Backend) newBuffer(shape shapes.Shape) *Buffer {
	return &Buffer{backend: b, shape: shape, data: b.memory.take(shape.Size() * shape.DType.Size())}
}

func (b *Buffer) pointer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b.data)) }

// Backend implements compute.Buffer.
func (b *Buffer) Backend() compute.Backend { return b.backend }

// Finalize gives the memory back to the backend; slices from Data must not be used any more.
// Finalizing twice, or after a donation, does nothing.
func (b *Buffer) Finalize() error {
	if !b.gone.Swap(true) {
		b.backend.memory.give(b.data)
		b.data = nil
	}
	return nil
}

func (b *Buffer) check() error {
	if b.gone.Load() {
		return fmt.Errorf("cpu: buffer %s was finalized or donated", b.shape)
	}
	return nil
}

// Shape implements compute.Buffer.
func (b *Buffer) Shape() (shapes.Shape, error) { return b.shape, b.check() }

// DeviceNum is 0.
func (b *Buffer) DeviceNum() (compute.DeviceNum, error) { return 0, b.check() }

// ToFlatData implements compute.Buffer.
func (b *Buffer) ToFlatData(flat any) error {
	if err := b.check(); err != nil {
		return err
	}
	dst, err := flatBytes(flat, b.shape)
	if err != nil {
		return err
	}
	stream.Copy(b.backend.machine.Pool, dst, b.data)
	return nil
}

// Data returns the buffer's own memory as a slice of the element type.
func (b *Buffer) Data() (any, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if b.shape.Size() == 0 {
		return dtypes.MakeAnySlice(b.shape.DType, 0), nil
	}
	return dtypes.UnsafeAnySliceFromBytes(b.pointer(), b.shape.DType, b.shape.Size()), nil
}

// CopyToDevice returns a copy; there is one device, 0.
func (b *Buffer) CopyToDevice(device compute.DeviceNum) (compute.Buffer, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if device != 0 {
		return nil, fmt.Errorf("cpu: device %d, there is only device 0", device)
	}
	c := b.backend.newBuffer(b.shape)
	copy(c.data, b.data)
	return c, nil
}

// flatBytes views a slice of the shape's element type and size as bytes.
func flatBytes(flat any, shape shapes.Shape) ([]byte, error) {
	if !supported[shape.DType] {
		return nil, fmt.Errorf("cpu: element type %s: %w", shape.DType, compute.ErrNotImplemented)
	}
	v := reflect.ValueOf(flat)
	if v.Kind() != reflect.Slice || v.Type().Elem() != shape.DType.GoType() {
		return nil, fmt.Errorf("cpu: data of type %T for a tensor %s", flat, shape)
	}
	if v.Len() != shape.Size() {
		return nil, fmt.Errorf("cpu: %d elements for a tensor %s", v.Len(), shape)
	}
	return unsafe.Slice((*byte)(v.UnsafePointer()), v.Len()*shape.DType.Size()), nil
}

// BufferFromFlatData implements compute.DataInterface.
func (b *Backend) BufferFromFlatData(device compute.DeviceNum, flat any, shape shapes.Shape) (compute.Buffer, error) {
	buf, err := b.shared(device, shape)
	if err != nil {
		return nil, err
	}
	src, err := flatBytes(flat, shape)
	if err != nil {
		return nil, err
	}
	copy(buf.data, src)
	return buf, nil
}

func (b *Backend) shared(device compute.DeviceNum, shape shapes.Shape) (*Buffer, error) {
	switch {
	case b.IsFinalized():
		return nil, fmt.Errorf("cpu: the backend was finalized")
	case device != 0:
		return nil, fmt.Errorf("cpu: device %d, there is only device 0", device)
	case !supported[shape.DType]:
		return nil, fmt.Errorf("cpu: element type %s: %w", shape.DType, compute.ErrNotImplemented)
	}
	return b.newBuffer(shape.Clone()), nil
}

// HasSharedBuffers is true.
func (b *Backend) HasSharedBuffers() bool { return true }

// NewSharedBuffer implements compute.DataInterface. The contents are undefined.
func (b *Backend) NewSharedBuffer(device compute.DeviceNum, shape shapes.Shape) (compute.Buffer, any, error) {
	buf, err := b.shared(device, shape)
	if err != nil {
		return nil, nil, err
	}
	flat, err := buf.Data()
	return buf, flat, err
}
