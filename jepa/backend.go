package jepa

import (
	"fmt"

	"github.com/gomlx/compute"

	_ "foresee/backend/cpu" // registers the backend "cpu"
)

// OpenBackend opens the compute backend that config names, "name" or
// "name:options"; "" means cpu. An unknown name is an error that lists the
// backends of this program. The caller finalizes the backend.
func OpenBackend(config string) (backend compute.Backend, err error) {
	if config == "" {
		config = "cpu"
	}
	defer func() {
		if r := recover(); r != nil { // GoMLX panics for a name it does not know
			backend, err = nil, fmt.Errorf("jepa: backend %q: %v", config, r)
		}
	}()
	backend, err = compute.NewWithConfig(config)
	if err != nil {
		return nil, fmt.Errorf("jepa: backend %q: %w", config, err)
	}
	return backend, nil
}
