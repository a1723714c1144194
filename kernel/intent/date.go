package intent

import "strings"

// date is a day of a calendar; a year of 0 is any.
type date struct{ year, month, day int }

var months = map[string]int{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8,
	"september": 9, "october": 10, "november": 11, "december": 12, "jan": 1, "feb": 2, "mar": 3, "apr": 4,
	"jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}

// dates calls yield with each date of the normal text s: 2026-03-01, March 1st 2026, 1 March.
func dates(s string, yield func(date)) {
	var w [5]string // the word in the middle, and its neighbours
	step := func(next string) {
		copy(w[:], w[1:])
		w[4] = next
		if y, m, d := whole(w[2]), whole(w[3]), whole(w[4]); len(w[2]) == 4 && y > 0 && m >= 1 && m <= 12 && d >= 1 && d <= 31 {
			yield(date{y, m, d})
		}
		month := months[w[2]]
		if month == 0 {
			return
		}
		before := w[1]
		if before == "of" {
			before = w[0]
		}
		if d := dayOf(w[3]); d > 0 {
			yield(date{yearOf(w[4]), month, d})
		} else if d := dayOf(before); d > 0 {
			yield(date{yearOf(w[3]), month, d})
		}
	}
	tokens(s, func(word string) bool { step(word); return true })
	step("")
	step("")
}

// whole returns the number that s is, of at most four digits; -1 for another word.
func whole(s string) int {
	if s == "" || len(s) > 4 || !allDigits(s) {
		return -1
	}
	n := 0
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	return n
}

func dayOf(s string) int {
	for _, suffix := range [...]string{"st", "nd", "rd", "th"} {
		s = strings.TrimSuffix(s, suffix)
	}
	if n := whole(s); n >= 1 && n <= 31 {
		return n
	}
	return 0
}

func yearOf(s string) int {
	if n := whole(s); len(s) == 4 && n > 0 {
		return n
	}
	return 0
}

// holdsDate says whether the Master voiced the day of a value, and its time of the day where it has one.
func (m *master) holdsDate(r *role) bool {
	if r.date == (date{}) {
		return false
	}
	_, exact := m.dates[r.date]
	_, anyYear := m.dates[date{0, r.date.month, r.date.day}]
	return (exact || anyYear) && (r.clock == "" || m.holdsClock(r.clock))
}

// holdsClock says whether the Master voiced a time of the day, given as 15:04.
func (m *master) holdsClock(clock string) bool {
	hour, minute := whole(clock[:2]), clock[3:5]
	forms := []string{clock, strings.TrimPrefix(clock, "0")}
	half, on := "am", hour
	if hour >= 12 {
		half, on = "pm", hour-12
	}
	if on == 0 {
		on = 12
	}
	twelve := itoa(on)
	if minute == "00" {
		forms = append(forms, twelve+half, twelve+" "+half)
		if hour == 12 {
			forms = append(forms, "noon")
		}
		if hour == 0 {
			forms = append(forms, "midnight")
		}
	}
	forms = append(forms, twelve+":"+minute+half, twelve+":"+minute+" "+half)
	for i := range m.texts {
		for _, f := range forms {
			if occurs(m.texts[i].normal, f) {
				return true
			}
		}
	}
	return false
}

func itoa(n int) string {
	if n >= 10 {
		return string([]byte{byte('0' + n/10), byte('0' + n%10)})
	}
	return string([]byte{byte('0' + n)})
}
