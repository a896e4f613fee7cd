//go:build !xla || !cgo

package jepa

import "errors"

// xlaPlugin refuses every plugin: this program has no XLA.
func xlaPlugin(string) (string, error) {
	return "", errors.New("this program was built without XLA; build one that has it with " + BuildXLA + " (docs/scaling.md)")
}
