package supply_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/supply"
)

func rights(t testing.TB, lines string) supply.Rights {
	m, err := plugins.ParseManifest([]byte("name: v\nversion: '1'\nkind: action\nabi: bo1\nfile: m\n" + lines))
	require.NoError(t, err)
	return supply.RightsOf(m)
}

func TestBeyond(t *testing.T) {
	base := `
capabilities: [log]
limits: {fuel: 1000, deadline: 250ms}
actions:
  say: {effect: write, requires: {signal: [b, a], mesh: {coherence: 0.9, peers: 2}}, trigger: {collapse: [co2]}}
`
	granted := rights(t, base)
	require.Empty(t, granted.Beyond(granted))
	require.Equal(t, []string{
		"action plugin, run by bo1", "capability log",
		"action say: write, needs signal a and signal b and mesh coherence 0.9 with 2 peers, acts by itself when co2 collapses",
	}, granted.Lines())
	for lines, want := range map[string][]string{
		"limits: {fuel: 999, deadline: 100ms}\nactions: {say: {effect: read, requires: {signal: [a, b, c], mesh: {coherence: 0.9, peers: 2}}}}": nil,
		"limits: {fuel: 1001, deadline: 251ms}\nactions: {say: {effect: read, requires: {signal: [a, b], mesh: {coherence: 0.9, peers: 2}}}}": {
			"limits.deadline_ms 251, granted 250", "limits.fuel 1001, granted 1000"},
		"limits: {fuel: 1000, deadline: 250ms}\nactions: {say: {effect: critical, requires: {signal: [a], mesh: {coherence: 0.8, peers: 2}}, trigger: {collapse: [x]}}}": {
			"action say: critical, granted write", "action say: no longer needs signal b",
			"action say: no longer needs mesh coherence 0.9 with 2 peers", "action say: acts by itself when x collapses"},
		"capabilities: [log, net]\nlimits: {fuel: 1000, deadline: 250ms}\nactions: {fly: {effect: read}}": {"capability net", "action fly: read"},
	} {
		require.Equal(t, want, rights(t, lines).Beyond(granted), lines)
	}
}
