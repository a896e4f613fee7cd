package jepa

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"

	_ "foresee/backend/cpu" // registers the backend "cpu"
)

// BuildXLA is the command that builds a program with the backend "xla", for
// messages to people whose program has none.
const BuildXLA = "CGO_ENABLED=1 go build -tags xla ./cmd/foresee"

// CheckBackend says why this program cannot open the backend that config names,
// or nil, without opening it:
//
//	"" or "cpu"             our backend; options follow a colon, see cpu.New: "cpu:products=int16", "cpu:threads=1"
//	"xla:/path/plugin.so"   OpenXLA with this PJRT plugin; the file must be there
//	"xla:cuda", "xla:tpu"   OpenXLA with the plugin of that name in PJRT_PLUGIN_LIBRARY_PATH or the
//	                        system's library folders
//
// A plugin's options follow a comma ("xla:cuda,tf32=false"). XLA is there only
// in a program built as BuildXLA says; without, the error says so. Nothing is
// ever downloaded.
func CheckBackend(config string) error {
	name, plugin, _ := strings.Cut(config, ":")
	var err error
	switch {
	case name == "cpu", config == "":
	case name == "xla":
		_, err = xlaPlugin(plugin)
	default:
		err = fmt.Errorf("no such backend; there are cpu and xla:PLUGIN")
	}
	if err != nil {
		return fmt.Errorf("backend %q: %w", config, err)
	}
	return nil
}

// OpenBackend opens the compute backend that config names, as CheckBackend
// lists them. The caller finalizes the backend.
func OpenBackend(config string) (backend compute.Backend, err error) {
	if err := CheckBackend(config); err != nil {
		return nil, fmt.Errorf("jepa: %w", err)
	}
	if config == "" {
		config = "cpu"
	}
	engine := config
	if plugin, isXLA := strings.CutPrefix(config, "xla:"); isXLA {
		if plugin, err = xlaPlugin(plugin); err != nil {
			return nil, fmt.Errorf("jepa: backend %q: %w", config, err)
		}
		engine = "xla:" + plugin
	}
	defer func() {
		if r := recover(); r != nil { // GoMLX panics for some mistakes
			backend, err = nil, fmt.Errorf("jepa: backend %q: %v", config, r)
		}
	}()
	backend, err = compute.NewWithConfig(engine)
	if err != nil {
		return nil, fmt.Errorf("jepa: backend %q: %w", config, err)
	}
	return backend, nil
}
