// Package fence lets tests of kernels see an access past the end of a slice.
package fence
