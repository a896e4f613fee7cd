//go:build xla && cgo

package jepa

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/go-xla/compute/xla" // registers the backend "xla"
)

// go-xla would download a plugin that it does not find.
func init() { xla.EnableAutoInstall(false) }

// xlaPlugin returns the plugin and its options as go-xla takes them: a path made
// absolute, its file being there, or a plugin's name.
func xlaPlugin(config string) (string, error) {
	plugin, options, hasOptions := strings.Cut(config, ",")
	if plugin == "" {
		return "", errors.New("want the plugin after the colon: a file or a name such as cuda (docs/scaling.md)")
	}
	if strings.ContainsRune(filepath.ToSlash(plugin), '/') || filepath.Ext(plugin) != "" {
		if _, err := os.Stat(plugin); err != nil {
			return "", fmt.Errorf("plugin: %w; docs/scaling.md says where plugins come from", err)
		}
		path, err := filepath.Abs(plugin)
		if err != nil {
			return "", fmt.Errorf("plugin: %w", err)
		}
		plugin = path
	}
	if hasOptions {
		plugin += "," + options
	}
	return plugin, nil
}
