package jepa

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sort"

	"foresee/report"
)

// Tensor is one float32 array of a safetensors file: row-major Data with
// prod(Shape) elements.
type Tensor struct {
	Shape []int
	Data  []float32
}

// maxHeader bounds the JSON header of a safetensors file, as the format does.
const maxHeader = 100 << 20

type tensorHeader struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// WriteTensors writes tensors and string metadata as a safetensors file at
// path: to a temporary name in the same folder, synced, then renamed, so that a
// crash leaves the old file or the new one. Names are written in sorted order,
// so equal content gives equal bytes.
//
// Source: the safetensors format: u64 little-endian header length, JSON header,
// raw little-endian data.
func WriteTensors(path string, tensors map[string]Tensor, meta map[string]string) error {
	return report.Replace(path, func(w io.Writer) error { return encodeTensors(w, tensors, meta) })
}

func encodeTensors(w io.Writer, tensors map[string]Tensor, meta map[string]string) error {
	names := make([]string, 0, len(tensors))
	for name := range tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	header := make(map[string]any, len(names)+1)
	if len(meta) > 0 {
		header["__metadata__"] = meta
	}
	var offset int64
	for _, name := range names {
		t := tensors[name]
		size := int64(4 * len(t.Data))
		shape := append([]int{}, t.Shape...) // a scalar's is [], not null
		header[name] = tensorHeader{DType: "F32", Shape: shape, Offsets: [2]int64{offset, offset + size}}
		offset += size
	}
	head, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(head))); err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	buf := make([]byte, 0, 1<<16)
	for _, name := range names {
		for _, v := range tensors[name].Data {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			if len(buf) == cap(buf) {
				if _, err := w.Write(buf); err != nil {
					return err
				}
				buf = buf[:0]
			}
		}
	}
	_, err = w.Write(buf)
	return err
}

// ReadTensors reads a safetensors file that holds float32 tensors. It returns
// an error that names the file when it is truncated, inconsistent or of another
// dtype.
func ReadTensors(path string) (map[string]Tensor, map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	tensors, meta, err := decodeTensors(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return tensors, meta, nil
}

func decodeTensors(raw []byte) (map[string]Tensor, map[string]string, error) {
	if len(raw) < 8 {
		return nil, nil, fmt.Errorf("not a safetensors file: %d bytes, a header needs 8", len(raw))
	}
	n := binary.LittleEndian.Uint64(raw)
	if n > maxHeader || n > uint64(len(raw)-8) {
		return nil, nil, fmt.Errorf("truncated or not a safetensors file: header of %d bytes in a file of %d", n, len(raw))
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(raw[8:8+n], &header); err != nil {
		return nil, nil, fmt.Errorf("safetensors header: %w", err)
	}
	body := raw[8+n:]
	tensors := make(map[string]Tensor, len(header))
	meta := map[string]string{}
	held := 0
	for name, text := range header {
		if name == "__metadata__" {
			if err := json.Unmarshal(text, &meta); err != nil {
				return nil, nil, fmt.Errorf("safetensors metadata: %w", err)
			}
			continue
		}
		t, err := decodeTensor(body, text)
		if err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors[name] = t
		held += 4 * len(t.Data)
	}
	if held != len(body) {
		return nil, nil, fmt.Errorf("tensors hold %d bytes, the file has %d for them", held, len(body))
	}
	return tensors, meta, nil
}

func decodeTensor(body []byte, text json.RawMessage) (Tensor, error) {
	var h tensorHeader
	if err := json.Unmarshal(text, &h); err != nil {
		return Tensor{}, err
	}
	if h.DType != "F32" {
		return Tensor{}, fmt.Errorf("dtype is %s, want F32", h.DType)
	}
	size := int64(4)
	for _, d := range h.Shape {
		if d < 0 || (d > 0 && size > math.MaxInt64/int64(d)) {
			return Tensor{}, fmt.Errorf("shape %v is not valid", h.Shape)
		}
		size *= int64(d)
	}
	lo, hi := h.Offsets[0], h.Offsets[1]
	if lo < 0 || hi < lo || hi-lo != size || hi > int64(len(body)) {
		return Tensor{}, fmt.Errorf("shape %v needs %d bytes, the file holds [%d, %d) of %d: truncated or inconsistent", h.Shape, size, lo, hi, len(body))
	}
	data := make([]float32, size/4)
	for i := range data {
		data[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[lo+int64(4*i):]))
	}
	return Tensor{Shape: h.Shape, Data: data}, nil
}
