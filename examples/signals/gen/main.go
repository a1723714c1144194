// Command gen writes co2.ndjson and co2-shuffled.ndjson from the published record, the same bytes each time.
//
//	go run ./examples/signals/gen ../shared/cases/21_real_co2.json examples/signals
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/becomingone/becomingone/kernel/signal"
)

// seed names the order of the shuffled weeks.
const seed = 1958

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen RECORD.json FOLDER")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// record is the published one: weeks as days since 1958-01-01, and the mole fraction of each.
type record struct {
	Days []int64   `json:"t_days"`
	PPM  []float64 `json:"co2_ppm"`
}

func write(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if len(r.Days) == 0 || len(r.Days) != len(r.PPM) {
		return errors.New(from + ": days and values differ in number")
	}
	if err := os.WriteFile(filepath.Join(to, "co2.ndjson"), lines("co2", r), 0o644); err != nil {
		return err
	}
	shuffle(r.PPM)
	return os.WriteFile(filepath.Join(to, "co2-shuffled.ndjson"), lines("co2-shuffled", r), 0o644)
}

// shuffle puts the values in random order (Fisher and Yates), the weeks stay.
func shuffle(x []float64) {
	r := signal.Rand(seed)
	for i := len(x) - 1; i > 0; i-- {
		j := int(r.Uint64() % uint64(i+1))
		x[i], x[j] = x[j], x[i]
	}
}

func lines(channel string, r record) []byte {
	begin := time.Date(1958, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	var b bytes.Buffer
	for i, d := range r.Days {
		t := begin + d*int64(24*time.Hour)
		fmt.Fprintf(&b, `{"t": %d, "ch": %q, "x": [%s]}`+"\n", t, channel, strconv.FormatFloat(r.PPM[i], 'f', -1, 64))
	}
	return b.Bytes()
}
