package kernel_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel"
	"github.com/becomingone/becomingone/kernel/intent"
	"github.com/becomingone/becomingone/kernel/phase"
)

// The log keeps a kernel's config as JSON: what is read back is the same kernel.
func TestConfigSurvivesJSON(t *testing.T) {
	other := kernel.DefaultConfig()
	other.Agent.Mode, other.Agent.Form = intent.Strict, intent.Phasor
	other.Agent.Standing = []string{"hello"}
	other.Fields[0].Reading = phase.ByEnergy
	for _, cfg := range []kernel.Config{kernel.DefaultConfig(), other} {
		b, err := json.Marshal(cfg)
		require.NoError(t, err)
		var back kernel.Config
		require.NoError(t, json.Unmarshal(b, &back), "%s", b)
		require.Equal(t, cfg, back)
		k, err := kernel.New(cfg)
		require.NoError(t, err)
		again, err := kernel.New(back)
		require.NoError(t, err)
		require.Equal(t, k.ConfigHash(), again.ConfigHash())
	}
}
