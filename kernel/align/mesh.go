package align

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// What Hear refuses. The errors that it returns wrap one of these.
var (
	ErrStranger = errors.New("peer was not admitted")
	ErrReport   = errors.New("report cannot be true")
	ErrTime     = errors.New("report is not of this time")
)

// PeerID names a node: the SHA-256 of its public key, as the link has proved it.
type PeerID [32]byte

// Peer is what the node itself knows about another, or about itself: nothing in it is the peer's word.
type Peer struct {
	ID            PeerID
	Authenticated bool    // the link proved the ID; without it the peer weighs 0
	Keyed         bool    // its state came under keyed dither; without it the peer weighs 0, but for MeshConfig.Unkeyed
	Rate          float64 // Hz, the samples a second that were negotiated
	Since         int64   // ns: no sample is older
}

// Report is one peer's window at one time, as it says.
type Report struct {
	Epoch uint64 // grows when the peer begins a new sequence
	Seq   uint64 // grows with every report of an epoch
	T     int64  // ns, the time that the window ends at, on the common time scale
	Sums
}

// MeshConfig is a Mesh's. The zero value admits nothing but a state of the present instant.
type MeshConfig struct {
	F         int           // liars among the peers that Global.Center withstands
	Stale     time.Duration // a report older than this weighs 0
	Skew      time.Duration // by how much a report's time may be ahead of ours: the clock's bound
	Unkeyed   bool          // let state without dither count
	LiveFloor float64       // rad²: a peer whose phase moves more evenly than this weighs 0; 0 lets all pass
}

// DefaultMeshConfig tolerates one liar, and drops a peer after the 4 s in which its link would close.
func DefaultMeshConfig() MeshConfig {
	return MeshConfig{F: 1, Stale: 4 * time.Second, Skew: 100 * time.Millisecond}
}

// Validate reports a field out of its range.
func (c MeshConfig) Validate() error {
	switch {
	case c.F < 0 || c.F > 1<<20:
		return fmt.Errorf("align: mesh f %d: not in [0, 2^20]", c.F)
	case c.Stale < 0:
		return fmt.Errorf("align: mesh stale %v: below 0", c.Stale)
	case c.Skew < 0:
		return fmt.Errorf("align: mesh skew %v: below 0", c.Skew)
	case !(c.LiveFloor >= 0 && c.LiveFloor <= math.MaxFloat64):
		return fmt.Errorf("align: mesh live floor %v rad²: below 0 or not finite", c.LiveFloor)
	}
	return nil
}

// Mesh joins the node with its peers. It keeps the newest state of each, and the state is a join: hearing
// reports twice, late or in another order ends the same. What is odd about a peer is counted, costs it
// its weight, and touches no other. Not safe for concurrent use. Source: KERNEL.md 2.6, 4.4, 4.5.
type Mesh struct {
	cfg     MeshConfig
	members []*member // by ID
	points  []complex128
	weights []float64
	masses  []float64
}

type member struct {
	Peer
	state    Report
	heard    bool
	conflict bool   // two different states under the same sequence number
	echoOf   PeerID // whom the state repeats
	echo     bool
	trail    trail
	counts   Counts
}

// Counts is what a peer's reports came to.
type Counts struct {
	Taken     uint64 // newer than what was held
	Old       uint64 // replays and overtaken reports: they change nothing
	Refused   uint64 // with an error
	Conflicts uint64 // the same sequence number with other content
	Echoes    uint64 // of another peer's state
}

// NewMesh returns a mesh without peers.
func NewMesh(cfg MeshConfig) (*Mesh, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Mesh{cfg: cfg}, nil
}

func (m *Mesh) find(id PeerID) (int, bool) {
	return slices.BinarySearchFunc(m.members, id, func(p *member, id PeerID) int {
		return bytes.Compare(p.ID[:], id[:])
	})
}

// Admit adds a peer, or renews what is known about it; its state and counts stay.
func (m *Mesh) Admit(p Peer) error {
	if !(p.Rate > 0 && p.Rate <= 1e12) {
		return fmt.Errorf("align: mesh peer %x: rate %v Hz: not in (0, 1e12]", p.ID[:4], p.Rate)
	}
	k, ok := m.find(p.ID)
	if ok {
		m.members[k].Peer = p
		return nil
	}
	m.members = slices.Insert(m.members, k, &member{Peer: p})
	m.points = slices.Grow(m.points[:0], len(m.members))
	m.weights = slices.Grow(m.weights[:0], len(m.members))
	m.masses = slices.Grow(m.masses[:0], len(m.members))
	return nil
}

// Remove forgets a peer and its state, and reports whether there was one.
func (m *Mesh) Remove(id PeerID) bool {
	k, ok := m.find(id)
	if ok {
		m.members = slices.Delete(m.members, k, k+1)
	}
	return ok
}

// Hear takes a peer's report at the instant at of the common time scale, and returns whether it is news:
// newer by (epoch, sequence) than what is held. A state that repeats another's is taken and weighs 0.
// It allocates nothing unless it returns an error.
func (m *Mesh) Hear(id PeerID, r *Report, at int64) (news bool, err error) {
	k, ok := m.find(id)
	if !ok {
		return false, refusal(id, r, at, ErrStranger)
	}
	p := m.members[k]
	if err := r.Validate(); err != nil {
		p.counts.Refused++
		return false, refusal(id, r, at, fmt.Errorf("%w: %w", ErrReport, err))
	}
	if r.T > later(at, m.cfg.Skew) || m.stale(r.T, at) {
		p.counts.Refused++
		return false, refusal(id, r, at, ErrTime)
	}
	if p.heard && (r.Epoch < p.state.Epoch || r.Epoch == p.state.Epoch && r.Seq <= p.state.Seq) {
		p.repeat(r)
		return false, nil
	}
	follows := p.heard && r.Epoch == p.state.Epoch
	p.state, p.heard, p.conflict = *r, true, false
	p.counts.Taken++
	p.trail.push(&r.Sums, follows)
	p.echoOf, p.echo = m.source(p)
	if p.echo {
		p.counts.Echoes++
	}
	return true, nil
}

func refusal(id PeerID, r *Report, at int64, why error) error {
	return fmt.Errorf("align: mesh peer %x report %d of %d ns at %d ns: %w", id[:4], r.Seq, r.T, at, why)
}

// repeat counts a report that is not newer than the one held; two contents of one number cancel each other,
// whichever came first.
func (p *member) repeat(r *Report) {
	p.counts.Old++
	if r.Epoch == p.state.Epoch && r.Seq == p.state.Seq && *r != p.state {
		p.conflict = true
		p.counts.Conflicts++
	}
}

func later(at int64, d time.Duration) int64 {
	if at > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return at + int64(d)
}

// stale reports whether t is more than the config's age before at.
func (m *Mesh) stale(t, at int64) bool {
	return t < at && uint64(at)-uint64(t) > uint64(m.cfg.Stale)
}

// Standing says why a peer counts or not.
type Standing struct {
	Peer
	Counts
	T        complex128 // of its newest report
	Nu       float64    // that it claims
	Age      int64      // ns since that report's time; 0 for one that is ahead
	Weight   float64    // nu that it is credited; 0 for any of the reasons below
	Heard    bool
	Stale    bool
	Conflict bool
	Echo     bool   // it repeats the state of EchoOf
	EchoOf   PeerID //
	Still    bool   // its phase moves too evenly: stuck, or a generator
}

// Standing returns a peer's standing at the instant at, and false for a stranger.
func (m *Mesh) Standing(id PeerID, at int64) (Standing, bool) {
	k, ok := m.find(id)
	if !ok {
		return Standing{}, false
	}
	p := m.members[k]
	counted := m.credit(p, at)
	s := Standing{
		Peer: p.Peer, Counts: p.counts, Weight: counted.Nu(), Heard: p.heard,
		Conflict: p.conflict, Echo: p.echo, EchoOf: p.echoOf, Still: m.still(p),
	}
	if p.heard {
		s.T, s.Nu, s.Stale = p.state.Resonance(), p.state.Nu(), m.stale(p.state.T, at)
		s.Age = max(0, at-min(at, p.state.T))
	}
	return s, true
}

// credit returns the sums of a peer that count at the instant at: none for a peer in doubt, and no more
// than it can have collected at its rate since it was admitted.
func (m *Mesh) credit(p *member, at int64) Sums {
	switch {
	case !p.heard || !p.Authenticated || !p.Keyed && !m.cfg.Unkeyed:
		return Sums{}
	case p.conflict || p.echo || m.stale(p.state.T, at) || m.still(p):
		return Sums{}
	}
	until := min(p.state.T, at)
	if until <= p.Since {
		return Sums{}
	}
	elapsed := float64(float64(uint64(until)-uint64(p.Since)) * 1e-9)
	samples := min(float64(p.Rate*elapsed), maxUnits/one)
	return p.state.limit(int64(samples * one))
}
