package conv

// available returns the kernel sets that this processor runs, fastest first.
func available() []*kernels { return []*kernels{portable()} }
