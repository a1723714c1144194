package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The units that time.ParseDuration lacks and slow fields need.
const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Year is what "1y" stands for in a duration: 365.25 days.
const Year = 8766 * time.Hour

// parseDuration reads what time.ParseDuration reads, and one number with the unit d, w or y: "0.5y".
func parseDuration(s string) (time.Duration, error) {
	for suffix, unit := range map[string]time.Duration{"d": day, "w": week, "y": Year} {
		number, ok := strings.CutSuffix(s, suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.ContainsAny(number, "xXpP_iInN") {
			break
		}
		if ns := n * float64(unit); math.Abs(ns) < math.MaxInt64 {
			return time.Duration(math.Round(ns)), nil
		}
		return 0, fmt.Errorf("beyond 292y")
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf(`not a duration such as "250ms", "1h30m", "2d" or "0.5y"`)
	}
	return d, nil
}

// formatDuration is the inverse: the largest of y and d that d is a whole number of, else what
// time.Duration prints without its zero tail.
func formatDuration(d time.Duration) string {
	switch {
	case d != 0 && d%Year == 0:
		return strconv.FormatInt(int64(d/Year), 10) + "y"
	case d != 0 && d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
