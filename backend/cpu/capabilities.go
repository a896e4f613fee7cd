package cpu

import (
	"reflect"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// supported lists the element types of this backend.
var supported = map[dtypes.DType]bool{
	dtypes.Bool: true,
	dtypes.Int8: true, dtypes.Int16: true, dtypes.Int32: true, dtypes.Int64: true,
	dtypes.Uint8: true, dtypes.Uint16: true, dtypes.Uint32: true, dtypes.Uint64: true,
	dtypes.Float16: true, dtypes.BFloat16: true, dtypes.Float32: true, dtypes.Float64: true,
}

// missing lists the operations of compute.OpType that this backend does not have.
var missing = map[compute.OpType]bool{
	compute.OpTypeInvalid: true, compute.OpTypeDot: true, compute.OpTypeComplex: true,
	compute.OpTypeConj: true, compute.OpTypeReal: true, compute.OpTypeImag: true, compute.OpTypeFFT: true,
	compute.OpTypeDynamicDimensionSize: true, compute.OpTypeDynamicShape: true, compute.OpTypeDynamicReshape: true,
	compute.OpTypeSelectAndScatterSum: true, compute.OpTypeCapturedValue: true,
	compute.OpTypeAllReduce: true, compute.OpTypeCollectiveBroadcast: true, compute.OpTypeAllGather: true,
	compute.OpTypeBlockForDotGeneral: true, compute.OpTypeFusedSoftmax: true, compute.OpTypeFusedLayerNorm: true,
	compute.OpTypeFusedGelu: true, compute.OpTypeFusedDense: true,
	compute.OpTypeFusedAttentionQKVProjection: true, compute.OpTypeFusedQuantizedDense: true,
	compute.OpTypeQuantizedEmbeddingLookup: true,
}

// Capabilities implements compute.Backend.
func (b *Backend) Capabilities() compute.Capabilities {
	c := compute.Capabilities{Functions: true,
		Operations: map[compute.OpType]bool{}, DTypes: map[dtypes.DType]bool{}}
	for op := range compute.OpTypeLast {
		if !missing[op] {
			c.Operations[op] = true
		}
	}
	for d := range supported {
		c.DTypes[d] = true
	}
	return c
}

// elementType returns the type of the elements of a slice, or InvalidDType.
func elementType(flat any) dtypes.DType {
	t := reflect.TypeOf(flat)
	if t == nil || t.Kind() != reflect.Slice {
		return dtypes.InvalidDType
	}
	return dtypes.FromGoType(t.Elem())
}
