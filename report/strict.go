package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// DecodeVersion reads the one JSON value of raw, whose field "version" must be
// version, into what into points to. A newer version, another one, unknown fields and
// anything after the value are errors; a newer version is said first, whatever else
// is wrong. On an error *into is not to be used.
func DecodeVersion(raw []byte, version int, into any) error {
	var head struct {
		Version int `json:"version"`
	}
	bad := json.Unmarshal(raw, &head)
	if bad == nil && head.Version > version {
		return fmt.Errorf("format version %d is newer than this program's %d", head.Version, version)
	}
	if err := strict(bytes.NewReader(raw), into); err != nil {
		return err
	}
	if head.Version != version {
		return fmt.Errorf("format version %d, want %d: make it again with this program", head.Version, version)
	}
	return nil
}

func strict(r io.Reader, into any) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("more data after the document")
	}
	return nil
}
