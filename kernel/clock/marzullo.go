package clock

import (
	"errors"
	"fmt"
)

// ErrMajority reports that too few clocks agree for the number of liars that is to be tolerated.
var ErrMajority = errors.New("no majority of clocks agrees")

// Agree returns the least interval that holds the offset whenever at most f of the intervals are false:
// from the lowest to the highest point that n-f of them share. It asks for n >= 2f+1, so that the honest
// are a majority; f liars can stretch the result only within what honest intervals hold. An empty
// interval is a liar's. The error wraps ErrMajority and says how many would have to agree and how many do.
// O(n²), no allocation. Source: Marzullo 1984.
func Agree(intervals []Interval, f int) (Interval, error) {
	n := len(intervals)
	if f < 0 {
		return Interval{}, fmt.Errorf("clock: falsetickers %d: below 0", f)
	}
	if n/2 < f || n < 2*f+1 {
		return Interval{}, fmt.Errorf("clock: %d intervals, %d falsetickers: need %d intervals: %w", n, f, 2*f+1, ErrMajority)
	}
	out, found := Interval{}, false
	for _, a := range intervals {
		if a.Hi < a.Lo {
			continue
		}
		if (!found || a.Lo < out.Lo) && cover(intervals, a.Lo) >= n-f {
			out.Lo = a.Lo
			if !found {
				out.Hi, found = a.Lo, true
			}
		}
		if (!found || a.Hi > out.Hi) && cover(intervals, a.Hi) >= n-f {
			out.Hi = a.Hi
			if !found {
				out.Lo, found = a.Hi, true
			}
		}
	}
	if !found {
		_, most := Best(intervals)
		return Interval{}, fmt.Errorf("clock: %d of %d intervals intersect: need %d: %w", most, n, n-f, ErrMajority)
	}
	return out, nil
}

// Best returns the interval that the most intervals share, the lowest of several, and how many share it;
// 0 for none. It is Marzullo's classic answer and guarantees nothing about a liar: use Agree for that.
func Best(intervals []Interval) (best Interval, sources int) {
	for _, a := range intervals {
		if a.Hi < a.Lo {
			continue
		}
		n := cover(intervals, a.Lo)
		if n < sources || n == sources && a.Lo >= best.Lo {
			continue
		}
		best, sources = Interval{Lo: a.Lo, Hi: a.Hi}, n
		for _, b := range intervals {
			if b.Contains(a.Lo) {
				best.Hi = min(best.Hi, b.Hi)
			}
		}
	}
	return best, sources
}

func cover(intervals []Interval, at int64) (n int) {
	for _, b := range intervals {
		if b.Contains(at) {
			n++
		}
	}
	return n
}
