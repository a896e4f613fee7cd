package jepa

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Differences names the fields in which two JSON objects differ, such as the
// configs of two runs: the first four, by path, with both values, and how many
// more. A text that is not JSON gives the decoder's complaint.
func Differences(there, here []byte) string {
	var a, b any
	if err := errors.Join(json.Unmarshal(there, &a), json.Unmarshal(here, &b)); err != nil {
		return err.Error()
	}
	list := compare("", a, b, nil)
	if rest := len(list) - 4; rest > 0 {
		list = append(list[:4], fmt.Sprintf("%d more", rest))
	}
	return strings.Join(list, ", ")
}

// compare appends to list where a and b differ, in the order of the paths.
func compare(path string, a, b any, list []string) []string {
	x, isX := a.(map[string]any)
	y, isY := b.(map[string]any)
	if !isX || !isY {
		if !reflect.DeepEqual(a, b) {
			list = append(list, fmt.Sprintf("%s is %v there, %v here", strings.TrimPrefix(path, "."), a, b))
		}
		return list
	}
	keys := slices.Sorted(maps.Keys(x))
	for key := range y {
		if _, both := x[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		list = compare(path+"."+key, x[key], y[key], list)
	}
	return list
}
