package wasm

import (
	"encoding/binary"
	"math"
)

// wait answers the subscriptions in subs with events in out, which are in guest memory and may
// overlap, and returns how many there are: those on files at once, with an error; if there are
// none, the earliest clock, to which the instance's time moves.
func (w *world) wait(subs, out []byte) (events uint32) {
	first, least := -1, int64(math.MaxInt64)
	var files [maxSubscriptions]uint64 // user data of the subscriptions on files
	for i := 0; i*subscriptionBytes < len(subs); i++ {
		s := subs[i*subscriptionBytes:]
		if s[8] != clockTag {
			files[events] = binary.LittleEndian.Uint64(s)
			events++
			continue
		}
		if d := w.until(s); d < least || first < 0 {
			first, least = i, d
		}
	}
	if events > 0 {
		for i, user := range files[:events] {
			putEvent(out[i*eventBytes:], user, badf, 1)
		}
		return events
	}
	w.advance(least)
	putEvent(out, binary.LittleEndian.Uint64(subs[first*subscriptionBytes:]), ok, clockTag)
	return 1
}

// until is how long a clock subscription has to wait, in ns, at least 0.
func (w *world) until(s []byte) int64 {
	timeout := min(binary.LittleEndian.Uint64(s[24:]), math.MaxInt64)
	const absolute = 1
	if binary.LittleEndian.Uint16(s[40:])&absolute == 0 {
		return int64(timeout)
	}
	now, _ := w.now(binary.LittleEndian.Uint32(s[16:])) // an unknown clock stands at 0
	if now < 0 {
		return int64(timeout)
	}
	return max(0, int64(timeout)-now)
}

func putEvent(b []byte, user uint64, code uint16, kind byte) {
	clear(b[:eventBytes])
	binary.LittleEndian.PutUint64(b, user)
	binary.LittleEndian.PutUint16(b[8:], code)
	b[10] = kind
}
