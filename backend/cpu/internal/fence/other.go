//go:build !unix

package fence

// AtEnd returns s: this system has no pages that a test could make unreadable.
func AtEnd[T any](s []T) []T { return s }
