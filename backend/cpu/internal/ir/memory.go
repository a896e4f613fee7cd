package ir

import "github.com/gomlx/compute"

// Renames says whether n makes no memory unless its outputs are needed.
func Renames(n *Node) bool {
	switch n.Op {
	case compute.OpTypeReshape, compute.OpTypeIdentity, compute.OpTypeSchedulingBarrier, compute.OpTypeBitcast,
		compute.OpTypeOptimizationBarrier, compute.OpTypeBroadcastInDim, compute.OpTypeSlice:
		return true
	}
	return false
}

// MakesMemory says whether the outputs of n are written by a step of their own.
func MakesMemory(n *Node) bool {
	switch n.Op {
	case compute.OpTypeParameter, compute.OpTypeConstant, compute.OpTypeReshape, compute.OpTypeIdentity,
		compute.OpTypeSchedulingBarrier, compute.OpTypeOptimizationBarrier, compute.OpTypeBitcast, compute.OpTypeSlice:
		return false
	}
	return true
}
