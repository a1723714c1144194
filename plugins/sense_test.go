package plugins_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func TestSense(t *testing.T) {
	var sample abi.Sample
	ear := &native{Plugin: &sdk.Plugin{Name: "ear", Version: "1", Sense: func(in *abi.SenseInput) (abi.SenseOutput, error) {
		sample.T = in.TimeNS + int64(len(in.Text))
		return abi.SenseOutput{Samples: []abi.Sample{sample}}, nil
	}}}
	sh := &shelf{}
	sh.put(installed("ear", "ear", "kind: input\nchannels: [mic, mic.pitch]\n"), installed("late", "ear", "kind: input\nchannels: [mic]\n"))
	s := running(t, plugins.Config{More: sh.all}, fstest.MapFS{}, fake{"ear": ear})
	require.Contains(t, s.Status()[1].Error, `channel "mic": shelf/ear has it`)
	require.True(t, s.Hears("mic"))
	require.False(t, s.Hears("eye"))

	sample = abi.Sample{Phase: []float64{1}}
	out, err := s.Sense(t.Context(), abi.SenseInput{Channel: "mic", TimeNS: 5, Text: "abc"})
	require.NoError(t, err)
	require.Equal(t, []abi.Sample{{T: 8, Channel: "mic", Phase: []float64{1}}}, out.Samples)
	sample = abi.Sample{Channel: "mic.pitch", Event: true}
	out, err = s.Sense(t.Context(), abi.SenseInput{Channel: "mic"})
	require.NoError(t, err)
	require.Equal(t, "mic.pitch", out.Samples[0].Channel)

	for want, bad := range map[string]abi.Sample{
		`samples[0].ch "owner": want one of the manifest's channels`: {Channel: "owner", Event: true},
		"samples[0]: 0 of u, x, phase and event":                     {},
		"samples[0]: 2 of u, x, phase and event":                     {Event: true, X: []float64{1}},
	} {
		sample = bad
		_, err := s.Sense(t.Context(), abi.SenseInput{Channel: "mic"})
		require.ErrorContains(t, err, want)
		require.Equal(t, plugins.CodeProtocol, codeOf(err))
	}
	_, err = s.Sense(t.Context(), abi.SenseInput{Channel: "eye"})
	require.Equal(t, plugins.CodeChannel, codeOf(err))
	sh.put()
	require.NoError(t, s.Reload(t.Context()))
	require.False(t, s.Hears("mic"))
}

func TestManifestChannels(t *testing.T) {
	for lines, want := range map[string]string{
		"kind: input\n":                   `channels "": want at least one for kind input`,
		"kind: input\nchannels: ['']\n":   `channels "": want names of channels`,
		"kind: observer\nchannels: [a]\n": `channels "a": want none for kind observer`,
	} {
		_, err := plugins.ParseManifest([]byte("name: v\nversion: '1'\nabi: bo1\nfile: m\n" + lines))
		require.ErrorContains(t, err, want)
	}
}
