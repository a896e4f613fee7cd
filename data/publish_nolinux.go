//go:build !linux

package data

// swapDirs puts fresh in the place of target and deletes what was there.
func swapDirs(fresh, target string) error { return swapByRename(fresh, target) }
