//go:build !amd64 && !arm64

package isa

func archLevels() []Level { return nil }
