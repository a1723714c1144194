package kernel

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/becomingone/becomingone/kernel/align"
	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/transducer"
)

// field is one Master, one Emissary, their alignment and their gate, and the channels that feed them.
type field struct {
	cfg      FieldConfig
	streams  []*stream // in the order of their first samples
	master   *transducer.Master
	emissary *transducer.Emissary
	gate     *gate.Gate
	tracker  *kairos.Tracker // nil: the line stays where omega puts it
	heard    bool            // whether t and at mean anything
	t        int64           // event time of the newest sample, ns
	at       int64           // the node's clock when it came, ns
	level    int             // Master's level that spoke last
	out      FieldOutput
	counts   Counts
}

// Counts is what became of a field's samples.
type Counts struct {
	Samples  uint64 // taken
	Late     uint64 // too old to be placed, or to be told from a repetition
	Repeated uint64 // of a time that the channel has had
	Refused  uint64 // not finite, of the wrong form or shape, or of one channel too many
}

func newField(cfg FieldConfig) (*field, error) {
	cfg = cfg.withDefaults()
	fastest, ratio, levels := cfg.bank()
	g, err := gate.New(cfg.gate())
	if err != nil {
		return nil, err
	}
	seed, err := g.NuMin()
	if err != nil {
		return nil, err
	}
	e, err := transducer.NewEmissary(transducer.EmissaryConfig{
		Reading: cfg.Reading, Tau: cfg.Emissary.Tau, N0: cfg.Gate.Shrink, Horizon: cfg.horizon(),
		LnA: g.LnA(), SeedNu: seed,
	})
	if err != nil {
		return nil, err
	}
	m, err := transducer.NewMaster(transducer.MasterConfig{
		Reading: cfg.Reading, Tau: fastest, Ratio: ratio, Levels: levels, N0: cfg.Gate.Shrink, Horizon: cfg.horizon(),
		Emissary: cfg.Emissary.Tau, Threshold: cfg.Gate.Threshold, Release: cfg.Gate.Release, MinMass: cfg.Gate.MinMass,
	})
	if err != nil {
		return nil, err
	}
	f := &field{cfg: cfg, master: m, emissary: e, gate: g}
	if cfg.Track > 0 {
		if f.tracker, err = kairos.NewTracker(kairos.DefaultTracker(cfg.Track)); err != nil {
			return nil, err
		}
	}
	f.out = FieldOutput{Field: cfg.Name, Judgement: gate.Judgement{State: g.State()}}
	return f, nil
}

// hears says whether the field listens to the channel.
func (f *field) hears(channel string) bool {
	return slices.Contains(f.cfg.Channels, channel) || slices.Contains(f.cfg.Channels, "*")
}

// step takes a sample that came at the node's time at. judged is false where it was counted and dropped.
func (f *field) step(at int64, channel string, s *phase.Sample) (judged bool, err error) {
	st, err := f.stream(channel, s)
	if err != nil {
		f.counts.Refused++
		return false, fmt.Errorf("kernel: field %s: channel %q at %d ns: %w", f.cfg.Name, channel, s.T, err)
	}
	switch st.ageOf(s.T) {
	case ageRepeated:
		f.counts.Repeated++
		return false, nil
	case ageUnknown:
		f.counts.Late++
		return false, nil
	}
	if err := f.integrate(st, s); err != nil {
		if errors.Is(err, phase.ErrLate) {
			f.counts.Late++
			return false, nil
		}
		f.counts.Refused++
		return false, fmt.Errorf("kernel: field %s: channel %q at %d ns: %w", f.cfg.Name, channel, s.T, err)
	}
	if len(st.times) == 0 {
		f.join(st)
	}
	st.remember(s.T)
	f.counts.Samples++
	if !f.heard || s.T > f.t {
		f.heard, f.t, f.at = true, s.T, at
	}
	f.judge()
	return true, nil
}

// join adds a channel. Two may be copies of each other, so what the evidence heard of one is not heard on.
func (f *field) join(st *stream) {
	f.streams = append(f.streams, st)
	if len(f.streams) > 1 {
		f.emissary.Release()
	}
}

// stream returns the channel's stream; a new one joins the field with its first good sample.
func (f *field) stream(channel string, s *phase.Sample) (*stream, error) {
	switch {
	case s.Form == phase.Real && f.cfg.Input.Form != phase.Real:
		return nil, errors.New("a real sample needs a field of input.form real with a period to lock in to")
	case f.cfg.Input.Form != 0 && s.Form != f.cfg.Input.Form:
		return nil, fmt.Errorf("a sample of form %s: want %s, the field's input.form", s.Form, f.cfg.Input.Form)
	case s.Form == phase.Event && f.cfg.OmegaRadS == 0:
		return nil, errors.New("an event needs a field with an omega: at 0 any events are coherent")
	}
	for _, st := range f.streams {
		if st.channel == channel {
			return st, nil
		}
	}
	if len(f.streams) == maxStreams {
		return nil, fmt.Errorf("the field hears %d channels already", maxStreams)
	}
	return newStream(f.cfg, channel, s.T)
}

// integrate carries a sample through the estimator and the correlator into both pathways.
func (f *field) integrate(st *stream, s *phase.Sample) error {
	if f.heard && since(f.t, s.T) > uint64(f.cfg.horizon()) {
		return phase.ErrLate
	}
	p, ok, err := st.estimator.Step(s)
	if err != nil || !ok {
		return err
	}
	if since(s.T, st.first) < uint64(f.cfg.Input.Settle) {
		return nil
	}
	terms, err := st.correlator.Step(&p)
	if err != nil {
		return err
	}
	for _, t := range terms {
		// What the loop turns a term by depends on the past alone, so phases that are uniform given the
		// past stay so: the evidence keeps its bounds.
		if f.tracker != nil {
			if t, err = f.tracker.Add(t); err != nil {
				return err
			}
		}
		if err := f.master.Add(t); err != nil {
			return err
		}
		if err := f.emissary.Add(t, f.correlation() <= 1 && f.gate.Due(t.T)); err != nil {
			return err
		}
	}
	return nil
}

// moment is what both pathways say at one instant, and what the gate is shown of it.
type moment struct {
	look             gate.Look
	master, emissary Pathway
}

// judge hears both pathways at the newest sample and asks the gate.
func (f *field) judge() {
	e := f.emissary.ReadAt(f.t)
	v := f.master.Hear(f.t, &e)
	f.level = v.Level
	m := f.moment(&v, &e, f.t, 0)
	f.settle(f.gate.Step(&m.look), &m)
}

// idle asks the gate after a silence that lasts to the node's time at.
func (f *field) idle(at int64) (changed bool) {
	stale := since(at, f.at) >= uint64(f.cfg.Gate.StaleAfter)
	if !f.heard || f.out.State == gate.Stale || !stale && f.out.State != gate.Collapsed {
		return false
	}
	m := f.silence(at)
	if !stale && !f.gate.Releases(&m.look) {
		return false
	}
	j := f.gate.Idle(&m.look)
	f.settle(j, &m)
	return j.Changed
}

// settle keeps what was judged; a collapse that ended takes its evidence with it.
func (f *field) settle(j gate.Judgement, m *moment) {
	f.out.T, f.out.Master, f.out.Emissary, f.out.Sync = m.look.T, m.master, m.emissary, m.look.Joint
	f.out.LnE, f.out.LnSR = m.look.LnE, m.look.LnSR
	if f.out.State == gate.Collapsed && j.State != gate.Collapsed {
		f.emissary.Release()
	}
	f.out.Judgement = j
}

// silence returns the moment after silence until the node's time at, with the level that spoke last.
func (f *field) silence(at int64) moment {
	gone := since(at, f.at)
	t := int64(math.MaxInt64) // event time may begin anywhere
	if gone <= since(math.MaxInt64, f.t) {
		t = int64(uint64(f.t) + gone)
	}
	e := f.emissary.ReadAt(t)
	v := f.master.ReadAt(f.level, t, &e)
	return f.moment(&v, &e, t, time.Duration(min(gone, math.MaxInt64)))
}

// since returns b - a for a <= b, else 0, without overflow.
func since(b, a int64) uint64 {
	if b <= a {
		return 0
	}
	return uint64(b) - uint64(a)
}

// moment puts Master's voice and Emissary at event time t together.
func (f *field) moment(v *transducer.Voice, e *kairos.Resonance, t int64, silence time.Duration) moment {
	j := align.Join(align.Pathway{T: v.Ts, W: v.W, Q: v.Q}, align.Pathway{T: e.Ts, W: e.W, Q: e.Q}, v.Cross)
	if f.cfg.Reading == phase.ByEnergy {
		// No Kish number covers two energy norms at once; a pathway's own bound at its own least does.
		j.Nu = min(v.Nu, e.Nu) * align.Least(f.cfg.Gate.Threshold) / f.cfg.Gate.Threshold
	}
	return moment{
		master:   Pathway{T: v.Ts, T2: v.Ts2, Nu: v.Nu, Mass: v.W, Tau: v.Tau},
		emissary: Pathway{T: e.Ts, T2: e.Ts2, Nu: e.Nu, Mass: e.W, Tau: f.cfg.Emissary.Tau},
		look: gate.Look{
			T: t, Joint: j, NuMaster: v.Nu, NuEmissary: e.Nu, Mass: min(v.W, e.W), Silence: silence,
			Correlation: f.correlation(), LnE: f.emissary.LnE(), LnSR: f.emissary.LnSR(), Steps: f.emissary.Steps(),
		},
	}
}

// spectrum returns what each of Master's levels says at the newest sample.
func (f *field) spectrum() []Pathway {
	levels := make([]Pathway, f.master.Levels())
	e := f.emissary.ReadAt(f.t)
	for j := range levels {
		v := f.master.ReadAt(j, f.t, &e)
		levels[j] = Pathway{T: v.Ts, T2: v.Ts2, Nu: v.Nu, Mass: v.W, Tau: v.Tau}
	}
	return levels
}

// correlation returns how many samples one independent sample is worth. Nobody promises that channels of
// one field are independent, so samples of n channels count as n copies of one.
func (f *field) correlation() float64 {
	return f.cfg.Input.Correlation * float64(max(len(f.streams), 1))
}

// deadline returns the node's time at which silence alone changes the field's state.
func (f *field) deadline() (at int64, ok bool) {
	if !f.heard || f.out.State == gate.Stale {
		return 0, false
	}
	stale := f.at + int64(f.cfg.Gate.StaleAfter)
	if stale < f.at {
		return 0, false
	}
	if f.out.State != gate.Collapsed || !f.releasedBy(stale) {
		return stale, true
	}
	early, late := f.at, stale // not released, released
	for late-early > 1 {
		if mid := early + (late-early)/2; f.releasedBy(mid) {
			late = mid
		} else {
			early = mid
		}
	}
	return late, true
}

// releasedBy says whether silence until the node's time at ends the collapse.
func (f *field) releasedBy(at int64) bool {
	m := f.silence(at)
	return f.gate.Releases(&m.look)
}
