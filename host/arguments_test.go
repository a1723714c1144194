package host

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckArguments(t *testing.T) {
	for _, good := range []string{`{}`, `{"a":{"b":1},"c":{"b":2},"d":[{"b":1},{"b":1}]}`, `{"text":"ü"}`} {
		require.NoError(t, checkArguments(json.RawMessage(good)), good)
	}
	for _, c := range []struct{ args, want string }{
		{`{"text":"a","text":"b"}`, "/text: the name stands twice"},
		{`{"a":[{"b":1,"b":2}]}`, "/a/0/b: the name stands twice"},
		{"{\"a\":\"\xff\"}", "not UTF-8"},
		{`{"a":1}{}`, "more than one"},
		{`{"a":`, "EOF"},
		{strings.Repeat("[", 70) + strings.Repeat("]", 70), "nested deeper than 64"},
	} {
		require.ErrorContains(t, checkArguments(json.RawMessage(c.args)), c.want)
	}
}

func FuzzCheckArguments(f *testing.F) {
	f.Add([]byte(`{"a":[{"b":1,"b":2}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if checkArguments(b) == nil {
			require.True(t, json.Valid(b))
		}
	})
}
