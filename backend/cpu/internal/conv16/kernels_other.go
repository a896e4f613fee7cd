//go:build !amd64

package conv16

// available returns the kernel sets that this processor runs.
func available() []*kernels { return []*kernels{portable()} }
