package views

import "foresee/data"

// Clips returns the first steps of the longest stretches from the beginning of the episodes of d that use is true for, and
// their common length, most or, where no episode is so long, that of the longest.
func Clips(d *data.Dataset, most int, use func(episode int) bool) (from []int, length int) {
	for e := range d.Episodes() {
		first, n := d.Episode(e)
		if n = min(n, most); !use(e) || n < length {
			continue
		}
		if n > length {
			from, length = nil, n
		}
		from = append(from, first)
	}
	return from, length
}
