package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/becomingone/becomingone/plugins"
)

// maxNesting bounds the depth of arguments.
const maxNesting = 64

// checkArguments refuses arguments that two readers could read differently: bytes that are no UTF-8,
// and objects with a name twice. The gate and the plugin must judge the same values.
func checkArguments(raw json.RawMessage) error {
	if !utf8.Valid(raw) {
		return plugins.Errorf(plugins.CodeArguments, false, "arguments: not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := checkValue(dec, "", 0); err != nil {
		return plugins.Errorf(plugins.CodeArguments, false, "arguments: %v", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return plugins.Errorf(plugins.CodeArguments, false, "arguments: more than one JSON value")
	}
	return nil
}

func checkValue(dec *json.Decoder, path string, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("%s: nested deeper than %d levels", path, maxNesting)
	}
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			key, _ := name.(string) // the decoder gives strings for names
			if seen[key] {
				return fmt.Errorf("%s/%s: the name stands twice", path, key)
			}
			seen[key] = true
			if err := checkValue(dec, path+"/"+key, depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	case json.Delim('['):
		for i := 0; dec.More(); i++ {
			if err := checkValue(dec, fmt.Sprintf("%s/%d", path, i), depth+1); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	}
	return err
}
