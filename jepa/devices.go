package jepa

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/gotype"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
	"github.com/gomlx/gomlx/ml/model"
)

// Devices places a training step on several devices of a backend: every clip of a
// batch lies on one device, variables and the other inputs lie on all. The graph stays
// the one of a single device, with the whole batch in its shapes (GoMLX's
// AutoSharding), and the compiler inserts the exchange that its sums over the
// batch need; a covariance is that of the whole batch, not of a device's share.
// nil means one device. One goroutine at a time.
type Devices struct {
	mesh  *distributed.DeviceMesh
	clips [2]*distributed.ShardingSpec // by the axis that counts clips
	same  *distributed.ShardingSpec
}

// Layout says where the inputs of a step hold its clips: those from First to the
// last but Whole of them along Axis, 0 or 1. The others are for all clips.
type Layout struct{ First, Whole, Axis int }

// devicesAxis names the one axis of the mesh.
const devicesAxis = "clips"

// NewDevices places steps on the first n devices of backend; n of 0 and 1 give
// nil. It returns an error if backend has fewer.
func NewDevices(backend compute.Backend, n int) (*Devices, error) {
	if n == 0 || n == 1 {
		return nil, nil
	}
	if n < 0 {
		return nil, fmt.Errorf("jepa: %d devices: want 1 or more", n)
	}
	if has := backend.NumDevices(); has < n {
		return nil, fmt.Errorf("jepa: %d devices wanted, backend %s has %d; several need a program built with XLA, %s, and --backend xla:PLUGIN (docs/scaling.md)",
			n, backend.Name(), has, BuildXLA)
	}
	mesh, err := distributed.NewDeviceMesh([]int{n}, []string{devicesAxis})
	if err != nil {
		return nil, fmt.Errorf("jepa: devices: %w", err)
	}
	d := &Devices{mesh: mesh, same: distributed.NewReplicatedShardingSpec(mesh)}
	for axis := range d.clips {
		axes := make([]distributed.AxisSpec, axis+1)
		axes[axis] = distributed.AxisSpec{devicesAxis}
		if d.clips[axis], err = distributed.NewShardingSpec(mesh, axes...); err != nil {
			return nil, fmt.Errorf("jepa: devices: %w", err)
		}
	}
	return d, nil
}

// Place makes exec, which has not run yet, run on the devices, and returns it.
// Its outputs are whole on each of them.
func (d *Devices) Place(exec *model.Exec) *model.Exec {
	if d == nil {
		return exec
	}
	return exec.AutoSharding(d.mesh).WithOutputShardingSpecs(d.same)
}

// Input returns a tensor of the given dimensions that holds a copy of flat, for Call; the caller
// owns it. For one device it lies in memory of the backend, which takes it from tensors that were
// finalized; for several, or without a backend, on the host, from where Call shares it out. It
// panics if flat has another length; what a backend refuses here it refuses again, with an error, in Call.
func Input[T gotype.Supported](d *Devices, backend compute.Backend, flat []T, dims ...int) *tensors.Tensor {
	if d == nil && backend != nil {
		if buffer, err := backend.BufferFromFlatData(0, flat, shapes.Make(dtypes.FromGenericsType[T](), dims...)); err == nil {
			if t, err := tensors.FromBuffer(buffer); err == nil {
				return t
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}

// Call runs exec, which Place returned, on inputs that lie as l says. It returns
// the first device's outputs, which are everyone's; the caller owns them, and
// still the inputs. An axis that the devices do not share equally is an error.
func (d *Devices) Call(exec *model.Exec, inputs []*tensors.Tensor, l Layout) ([]*tensors.Tensor, error) {
	args := make([]any, len(inputs))
	if d == nil {
		for i, t := range inputs {
			args[i] = t
		}
		return exec.Call(args...)
	}
	specs := make([]*distributed.ShardingSpec, len(inputs))
	defer func() {
		for _, a := range args {
			if shards, ok := a.(*dtensor.Tensor); ok {
				shards.FinalizeAll()
			}
		}
	}()
	for i, t := range inputs {
		specs[i] = d.same
		if i >= l.First && i < len(inputs)-l.Whole {
			specs[i] = d.clips[l.Axis]
		}
		shards, err := dtensor.ShardTensor(specs[i], t)
		if err != nil {
			return nil, err
		}
		args[i] = shards
	}
	outputs, err := exec.WithInputShardingSpecs(specs...).Call(args...)
	if err != nil {
		return nil, err
	}
	each := len(outputs) / d.mesh.NumDevices()
	for _, t := range outputs[each:] {
		t.MustFinalizeAll()
	}
	return outputs[:each], nil
}
