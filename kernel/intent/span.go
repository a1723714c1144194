package intent

// counts are numbers that people write as words.
var counts = map[string]int{
	"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
	"nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
}

// units are units of time in minutes.
var units = map[string]int{
	"minute": 1, "minutes": 1, "min": 1, "mins": 1, "hour": 60, "hours": 60, "hr": 60, "hrs": 60, "h": 60,
}

// spans calls yield with each span of time of the normal text s, in minutes: 90 minutes, an hour, half an
// hour, 2h.
func spans(s string, yield func(minutes int)) {
	var before, last string
	tokens(s, func(w string) bool {
		unit, count := units[w], last
		if unit == 0 { // 2h
			i := 0
			for i < len(w) && isDigit(w[i]) {
				i++
			}
			unit, count = units[w[i:]], w[:i]
		}
		n := whole(count)
		if n < 0 {
			n = counts[count]
		}
		switch {
		case unit == 0 || n <= 0:
		case before == "half" && (count == "a" || count == "an"):
			yield(unit / 2)
		default:
			yield(n * unit)
		}
		before, last = last, w
		return true
	})
}

// minutes returns the time of the day as minutes.
func minutes(clock string) int { return 60*whole(clock[:2]) + whole(clock[3:5]) }

// derives says whether r is the time that a held time of the same call comes to by a span that the
// Master voiced: the end of a meeting that is to last an hour.
func (m *master) derives(r *role, all []role) bool {
	if r.clock == "" {
		return false
	}
	for i := range all {
		other := &all[i]
		if other.clock == "" || other.date != r.date || !m.holdsDate(other) {
			continue
		}
		if _, ok := m.spans[minutes(r.clock)-minutes(other.clock)]; ok {
			return true
		}
	}
	return false
}
