package gate

import (
	"fmt"

	"github.com/becomingone/becomingone/kernel/cursor"
)

const stateVersion = 1

// AppendBinary appends where the gate stands, not its Config.
func (g *Gate) AppendBinary(dst []byte) ([]byte, error) {
	flags := byte(0)
	if g.looked {
		flags |= 1
	}
	if g.opened {
		flags |= 2
	}
	dst = append(dst, stateVersion, byte(g.state), flags)
	return cursor.Uint(cursor.Uint(dst, uint64(g.slot)), uint64(g.released)), nil
}

// UnmarshalBinary restores a gate of the same Config. On an error the gate is as it was.
func (g *Gate) UnmarshalBinary(b []byte) error {
	r := cursor.New(b)
	version, at, flags := r.Byte(), State(r.Byte()), r.Byte()
	slot, released := r.Int(), r.Int()
	switch {
	case r.Err() != nil:
		return fmt.Errorf("gate: restore: %w", r.Err())
	case version != stateVersion:
		return fmt.Errorf("gate: restore: version %d: not %d", version, stateVersion)
	case at < Warmup || at > Stale:
		return fmt.Errorf("gate: restore: state %d: not in 1…5", at)
	case flags > 3:
		return fmt.Errorf("gate: restore: flags %#x: not in 0…3", flags)
	case len(r.Rest()) > 0:
		return fmt.Errorf("gate: restore: %d bytes behind the state", len(r.Rest()))
	}
	g.state, g.slot, g.released = at, slot, released
	g.looked, g.opened = flags&1 != 0, flags&2 != 0
	return nil
}
