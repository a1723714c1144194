package intent

import "math"

// The weights of the four numbers, AGENT-GATE.md 1.
const (
	commandShare = .5 // of W
	recordShare  = .5 // of kappa
	toolShare    = .3 // of I
)

const (
	recordSpan = 160 // characters on each side of a value that are its record
	maxRecords = 64  // places of a value whose records are read: reading fewer can only add suspicion
	maxTool    = 64  // words of a tool's name
)

// finding is what speaks against one role, or against the tool where role is nil.
type finding struct {
	role    *role
	risk    float64 // F + W/2 - kappa/2 - 0.3 I, or m
	force   float64 // F
	command float64 // W
	record  float64 // kappa
	tool    float64 // I
	carrier quoted  // the first sentence that carries the value
	driver  quoted  // the most directive one of those that carry it and their neighbours
}

// quoted is a sentence of a text; the zero value is none.
type quoted struct {
	text     *heard
	sentence int
}

// command returns m: the most that a directive sentence asks for what the Master never voiced.
func (q *inquiry) command() finding {
	f := finding{tool: q.intent}
	if q.book.cfg.SilentCarrier {
		return f
	}
	for _, at := range q.spots {
		h := q.s.text(at.text)
		if m := float64(q.force(h, at.sentence) * q.orders(at)); m > f.risk {
			f.risk, f.driver = m, quoted{h, int(at.sentence)}
		}
	}
	return f
}

// ask returns the numbers of a role that the Master does not hold.
func (q *inquiry) ask(r *role) finding {
	f := finding{role: r, force: -1, tool: q.intent}
	records := 0
	q.s.find(r, func(p place) {
		h := q.s.text(p.text)
		w := h.words[p.word]
		if f.carrier.text == nil {
			f.carrier = quoted{h, int(w.sentence)}
		}
		q.drive(&f, p.text, w.sentence)
		if records < maxRecords {
			records++
			f.record = max(f.record, q.kappa(h, w.start))
		}
	})
	if q.book.cfg.SilentCarrier {
		f.force, f.command = 0, 0
	}
	f.risk = f.force + float64(commandShare*f.command) - float64(recordShare*f.record) - float64(toolShare*f.tool)
	return f
}

// ordered is F of a sentence that carries the value and opens with a word of the tool's name.
const ordered = .9

// drive raises F and W to what a sentence that carries the value, and its neighbours, make of them.
func (q *inquiry) drive(f *finding, text uint32, carrier int32) {
	h, at := q.s.text(text), spot{text, carrier}
	here := -1.0
	raise := func(force float64, sentence int32) {
		here = max(here, force)
		if force > f.force || f.driver.text == nil {
			f.force, f.driver = force, quoted{h, int(sentence)}
		}
	}
	for i := max(carrier-1, 0); i <= min(carrier+1, int32(len(h.sentences)-1)); i++ {
		raise(q.force(h, i), i)
	}
	fading := q.fading(h)
	if h.taint > 0 {
		raise(float64(h.taint*fading), carrier)
	}
	raise(float64(q.orders(at)*fading), carrier)
	if q.begins(h, carrier) {
		raise(ordered*fading, carrier)
	}
	f.command = max(f.command, float64(here*q.names(at)))
}

// weighUp returns what speaks most against a call: the worst of the roles that the Master does not hold,
// or m where that is more. Where he holds them all the risk is -1; without roles it is m. lost says
// whether a role is carried by no text that is still held.
func (b *Book) weighUp(s *session, tool string, roles []role) (worst finding, lost *role) {
	worst.risk = math.Inf(-1)
	q := b.inquire(s, tool)
	open := 0
	asked := map[string]struct{}{} // an equal value has equal numbers
	for i := range roles {
		if s.master.holds(&roles[i], roles) {
			continue
		}
		open++
		if _, twice := asked[roles[i].normal]; twice {
			continue
		}
		asked[roles[i].normal] = struct{}{}
		f := q.ask(&roles[i])
		if f.carrier.text == nil && lost == nil {
			lost = &roles[i]
		}
		if f.risk > worst.risk {
			worst = f
		}
	}
	if len(roles) > 0 && open == 0 {
		return finding{risk: -1, tool: q.intent}, nil
	}
	if m := q.command(); m.risk >= worst.risk {
		worst = m
	}
	return worst, lost
}

// note remembers how much force chose the values of a read: what answers it is as forced as the question.
func (b *Book) note(s *session, action string, roles []role) {
	force := 0.0
	var q *inquiry
	for i := range roles {
		if s.master.holds(&roles[i], roles) {
			continue
		}
		if q == nil {
			q = b.inquire(s, action)
		}
		if f := q.ask(&roles[i]); f.carrier.text != nil {
			force = max(force, f.force)
		}
	}
	s.ask(action, force)
}
