package intent

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/becomingone/becomingone/kernel/phasor"
)

// Form says how a session holds what its Master voiced, where coherence with it is asked.
type Form uint8

// The forms. Provenance is exact in both.
const (
	Exact  Form = iota // word by word
	Phasor             // as a sum of phasors of 2048 dimensions: of one size, mergeable, fading by itself
)

var formNames = [...]string{"exact", "phasor"}

// String returns the form's name.
func (f Form) String() string {
	if int(f) < len(formNames) {
		return formNames[f]
	}
	return fmt.Sprintf("form(%d)", uint8(f))
}

// MarshalText returns the form's name; an invalid form is an error.
func (f Form) MarshalText() ([]byte, error) {
	if int(f) < len(formNames) {
		return []byte(formNames[f]), nil
	}
	return nil, fmt.Errorf("intent: form %d: not in 0…%d", f, len(formNames)-1)
}

// UnmarshalText accepts "exact" and "phasor".
func (f *Form) UnmarshalText(b []byte) error {
	for i, n := range formNames {
		if n == string(b) {
			*f = Form(i)
			return nil
		}
	}
	return fmt.Errorf("intent: form %q: not one of exact, phasor", b)
}

// atoms is the key of the phasors. It is no secret: an atom hides nothing, and provenance is exact.
const atoms = "becomingone intent 1"

// voice is what a Master voiced, as phasors: standing instructions, which do not fade, and the rest.
type voice struct {
	firm, said     *phasor.Bundle
	firmView, view phasor.View
	texts          int    // how many of the Master's texts are in
	first          uint32 // turn of the oldest of them
	read           map[hash]float64
	atom           [8]byte
	lastAt         int64
	lastTurns      uint32
	viewed         bool
}

// age maps time and turns to the clock of forgetting, one half-life for each of Fading's.
func (f Fading) age(at int64, turns uint32) phasor.Age {
	return phasor.Age(f.halfLives(at, turns) * float64(phasor.HalfLife))
}

// listen brings the voice of a session up to what its Master has said, and to its moment.
func (s *session) listen(book *phasor.Codebook, f Fading) error {
	if s.voice == nil {
		s.voice = &voice{}
	}
	v, m := s.voice, &s.master
	first := uint32(0)
	if len(m.texts) > 0 {
		first = m.texts[0].turn
	}
	if v.said == nil || v.first != first || v.texts > len(m.texts) { // some have been forgotten
		*v = voice{firm: book.Bundle(), said: book.Bundle(), first: first, read: map[hash]float64{}}
	}
	if v.viewed && v.texts == len(m.texts) && v.lastAt == s.at && v.lastTurns == m.turns {
		return nil
	}
	for ; v.texts < len(m.texts); v.texts++ {
		if err := v.hear(book, &m.texts[v.texts], f); err != nil {
			return fmt.Errorf("intent: voice %d: %w", v.texts, err)
		}
	}
	v.said.Advance(f.age(s.at, m.turns))
	v.firm.View(&v.firmView)
	v.said.View(&v.view)
	clear(v.read)
	v.viewed, v.lastAt, v.lastTurns = true, s.at, m.turns
	return nil
}

func (v *voice) hear(book *phasor.Codebook, t *voiced, f Fading) error {
	into := v.said
	if t.source == standing {
		into = v.firm
	}
	into.Advance(f.age(t.at, t.turn+1))
	for _, w := range t.stems {
		if err := into.Add(v.vector(book, w), 1); err != nil {
			return err
		}
	}
	return nil
}

func (v *voice) vector(book *phasor.Codebook, w hash) phasor.Vector {
	binary.BigEndian.PutUint64(v.atom[:], uint64(w))
	return book.Atom(string(v.atom[:]))
}

// weight returns about how much a word weighs in what was voiced, at most 1; within Noise of 0 where it
// was not voiced.
func (v *voice) weight(book *phasor.Codebook, w hash) float64 {
	if v.said == nil {
		return 0
	}
	x, known := v.read[w]
	if !known {
		atom := v.vector(book, w)
		x = min(v.view.Weight(atom)+v.firmView.Weight(atom), 1)
		v.read[w] = x
	}
	return x
}

// share returns the share of all that was voiced that the words of a record hold, each counted once.
func (v *voice) share(book *phasor.Codebook, record []wordAt) float64 {
	mass := v.view.Mass() + v.firmView.Mass()
	if mass <= 0 {
		return 0
	}
	sum := 0.0
	for i, w := range record {
		if !slices.ContainsFunc(record[:i], func(x wordAt) bool { return x.hash == w.hash }) {
			sum += v.weight(book, w.hash)
		}
	}
	return min(max(sum/mass, 0), 1)
}
