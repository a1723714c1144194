package intent

import "fmt"

// Policy names the rules of this package; a question is bound to it.
const Policy = "coherence-1"

// Mode says which evidence releases a call: agent.policy of the config. The zero value is the default.
type Mode uint8

// The modes.
const (
	Default    Mode = iota // held at a risk of 0.47; critical calls need every value in trusted text
	Reversible             // as Default, but held at 0.69: for actions that can be undone
	Strict                 // every call is judged as a critical one
	Off                    // every call passes
)

var modeNames = [...]string{"default", "reversible", "strict", "off"}

// The risks at which a call is held, from dev traces: 99.5 % and 99 % of injected calls are above.
const (
	defaultLimit    = .47
	reversibleLimit = .69
)

// limit is the risk at which a call is held.
func (m Mode) limit() float64 {
	if m == Reversible {
		return reversibleLimit
	}
	return defaultLimit
}

// String returns the mode's name in configs.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// MarshalText returns the mode's name; an invalid mode is an error.
func (m Mode) MarshalText() ([]byte, error) {
	if int(m) < len(modeNames) {
		return []byte(modeNames[m]), nil
	}
	return nil, fmt.Errorf("intent: mode %d: not in 0…%d", m, len(modeNames)-1)
}

// UnmarshalText accepts "default", "reversible", "strict" and "off".
func (m *Mode) UnmarshalText(b []byte) error {
	for i, n := range modeNames {
		if n == string(b) {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("intent: mode %q: not one of default, reversible, strict, off", b)
}
