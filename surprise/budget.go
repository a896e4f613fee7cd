package surprise

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Budget is how many false alarms are accepted, Alarms in Per.
type Budget struct {
	Alarms float64
	Per    time.Duration
}

// Level returns the p-value at which blocks of the given length spend the
// budget, Alarms·block/Per, at most 1. It panics unless all three are above 0.
func (b Budget) Level(block time.Duration) float64 {
	if !(b.Alarms > 0) || b.Per <= 0 || block <= 0 {
		panic(fmt.Sprintf("surprise: budget of %g in %v for blocks of %v", b.Alarms, b.Per, block))
	}
	return min(1, b.Alarms*float64(block)/float64(b.Per))
}

// budgetUnits are the words after the slash, the first the one that is written.
var budgetUnits = []struct {
	name string
	per  time.Duration
}{{"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}, {"week", 7 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}}

// MarshalText writes "1/day"; a time that is no unit is written as a duration,
// "2/36h0m0s".
func (b Budget) MarshalText() ([]byte, error) {
	alarms := strconv.FormatFloat(b.Alarms, 'g', -1, 64)
	for _, u := range budgetUnits {
		if b.Per == u.per {
			return []byte(alarms + "/" + u.name), nil
		}
	}
	return []byte(alarms + "/" + b.Per.String()), nil
}

// UnmarshalText reads alarms "/" minute, hour, day, week, month of 30 days, or a
// duration such as 90m. Both must be above 0.
func (b *Budget) UnmarshalText(text []byte) error {
	number, unit, ok := strings.Cut(string(text), "/")
	alarms, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(alarms > 0) || math.IsInf(alarms, 1) {
		return fmt.Errorf("surprise: budget %q: want alarms/time, as 1/day", text)
	}
	for _, u := range budgetUnits {
		if unit == u.name {
			*b = Budget{alarms, u.per}
			return nil
		}
	}
	per, err := time.ParseDuration(unit)
	if err != nil || per <= 0 {
		return fmt.Errorf("surprise: budget %q: want minute, hour, day, week, month or a duration after the slash", text)
	}
	*b = Budget{alarms, per}
	return nil
}
