package plugins_test

import (
	"encoding/hex"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk/abi"
)

type message interface {
	Append(dst []byte) ([]byte, error)
	Decode(b []byte) error
}

// Each example of the specification is read and written back byte for byte.
func TestExamplesOfABI(t *testing.T) {
	text, err := os.ReadFile("ABI.md")
	require.NoError(t, err)
	kinds := map[string]message{
		"json description": &abi.Description{}, "json act-input": &abi.ActInput{}, "json act-output": &abi.ActOutput{},
		"json observe-input": &abi.ObserveInput{}, "json observe-output": &abi.ObserveOutput{},
		"json sense-input": &abi.SenseInput{}, "json sense-output": &abi.SenseOutput{},
	}
	others := map[string]func(t *testing.T, block string){
		"hex answer": func(t *testing.T, block string) {
			payload, err := abi.Answer(unhex(t, block))
			require.NoError(t, err)
			require.Equal(t, `{"content":[{"type":"text","text":"hi"}]}`, string(payload))
		},
		"hex answer-error": func(t *testing.T, block string) {
			want := &abi.Error{Code: "too_loud", Message: "volume 11: want 0…10"}
			require.Equal(t, abi.AppendError(nil, want), unhex(t, block))
		},
		"hex module": func(t *testing.T, block string) { // plugins/wasm runs it
			require.Len(t, unhex(t, block), 219)
		},
		"yaml manifest": func(t *testing.T, block string) {
			m, err := plugins.ParseManifest([]byte(block))
			require.NoError(t, err)
			require.Len(t, m.Actions, 2)
		},
	}
	blocks := regexp.MustCompile("(?ms)^```(\\w+ [\\w-]+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, len(kinds)+len(others), "each example once")
	for _, b := range blocks {
		t.Run(b[1], func(t *testing.T) {
			m := kinds[b[1]]
			if m == nil {
				require.Contains(t, others, b[1])
				others[b[1]](t, b[2])
				return
			}
			want := strings.TrimSuffix(b[2], "\n")
			require.NoError(t, m.Decode([]byte(want)))
			got, err := m.Append(nil)
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		})
	}
}

// The table of limits says what the code does.
func TestLimitsOfABI(t *testing.T) {
	text, err := os.ReadFile("ABI.md")
	require.NoError(t, err)
	low, high := plugins.DefaultLimits(), plugins.MaxLimits()
	for name, v := range map[string][2]int64{
		"fuel": {low.Fuel, high.Fuel}, "memory_pages": {int64(low.MemoryPages), int64(high.MemoryPages)},
		"input_bytes": {int64(low.InputBytes), int64(high.InputBytes)}, "output_bytes": {int64(low.OutputBytes), int64(high.OutputBytes)},
		"instances": {int64(low.Instances), int64(high.Instances)}, "host_calls": {int64(low.HostCalls), int64(high.HostCalls)},
	} {
		require.Regexp(t, regexp.MustCompile("(?m)^\\| `"+name+"`[^|]*\\| "+itoa(v[0])+" \\| "+itoa(v[1])+" \\|"), string(text))
	}
	require.Contains(t, string(text), "| 1s | 1m |")
}

func itoa(v int64) string { return strconv.FormatInt(v, 10) }

func unhex(t *testing.T, block string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(block), ""))
	require.NoError(t, err)
	return b
}
