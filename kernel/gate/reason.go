package gate

import "strconv"

// Reason is the condition that decided a Judgement.
type Reason uint8

// The reasons, in the order in which conditions are looked at.
const (
	ReasonHolds    Reason = 1 + iota // every condition holds
	ReasonStale                      // silence
	ReasonMass                       // too few samples in a window
	ReasonEvidence                   // chance could have done it
	ReasonFirst                      // chance could have done it once in the field's life
	ReasonEffect                     // not coherent enough
	ReasonChord                      // Master and Emissary disagree
	ReasonLook                       // the budget has no look left in this slot
	ReasonReleased                   // fell below the release threshold
)

func (m Margins) failing() Reason {
	switch {
	case m.Fresh <= 0:
		return ReasonStale
	case m.Mass < 0:
		return ReasonMass
	case m.Evidence < 0:
		return ReasonEvidence
	case m.First < 0:
		return ReasonFirst
	case m.Effect < 0:
		return ReasonEffect
	case m.Chord < 0:
		return ReasonChord
	}
	return ReasonHolds
}

// Decision returns the word for what the field does in this state: collapse, dissipate or accumulate.
func (s State) Decision() string {
	switch s {
	case Collapsed:
		return "collapse"
	case Dissipating, Stale:
		return "dissipate"
	default:
		return "accumulate"
	}
}

// AppendReason appends one line that says why, with the figure that decided, to dst.
func (j *Judgement) AppendReason(dst []byte) []byte {
	m := &j.Margins
	switch j.Reason {
	case ReasonHolds:
		return append(dst, "effect, evidence and mass hold"...)
	case ReasonStale:
		return short(dst, "stale: silent ", 0-m.Fresh, " s longer than it may be") // no -0
	case ReasonMass:
		return short(dst, "mass: ", -m.Mass, " samples short")
	case ReasonEvidence:
		return short(dst, "evidence: ", -m.Evidence, " nats short")
	case ReasonFirst:
		return short(dst, "evidence: ", -m.First, " nats short of a first collapse")
	case ReasonEffect:
		return short(dst, "effect: |T|² is ", -m.Effect, " below the threshold")
	case ReasonChord:
		return short(dst, "alignment: the chord is ", -m.Chord, " too wide")
	case ReasonLook:
		return append(dst, "budget: no look left in this slot"...)
	case ReasonReleased:
		return short(dst, "effect: fell to ", -m.Effect, " below the threshold")
	default:
		return append(dst, "nothing was judged"...)
	}
}

func short(dst []byte, before string, x float64, after string) []byte {
	dst = append(dst, before...)
	dst = strconv.AppendFloat(dst, x, 'g', 4, 64)
	return append(dst, after...)
}
