package cursor_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/cursor"
)

func TestFieldsComeBack(t *testing.T) {
	b := cursor.Text(cursor.Uint(append([]byte(nil), 7, 1), 1<<63), "grüß")
	r := cursor.New(append(b, 9))
	require.Equal(t, byte(7), r.Byte())
	require.True(t, r.Bool())
	require.Equal(t, int64(-1<<63), r.Int())
	require.Equal(t, "grüß", r.Text(6))
	require.Equal(t, []byte{9}, r.Rest())
	require.NoError(t, r.Err())
}

// A length is believed only where the bytes are there and the limit allows it.
func TestLengthsAreNotTrusted(t *testing.T) {
	for name, read := range map[string]func(*cursor.Reader){
		"short":    func(r *cursor.Reader) { r.Bytes(1 << 20) },
		"limit":    func(r *cursor.Reader) { r.Bytes(99) },
		"elements": func(r *cursor.Reader) { r.Len(1000, 16) },
		"bool":     func(r *cursor.Reader) { r.Bool() },
	} {
		t.Run(name, func(t *testing.T) {
			r := cursor.New(append(cursor.Uint(nil, 100), make([]byte, 99)...))
			read(r)
			require.Error(t, r.Err())
			first := r.Err()
			require.Zero(t, r.Uint())
			require.Equal(t, first, r.Err())
		})
	}
}

func ExampleReader() {
	r := cursor.New(cursor.Text(nil, "phase"))
	fmt.Println(r.Text(16), r.Err())
	r = cursor.New(cursor.Text(nil, "phase")[:10])
	fmt.Println(r.Text(16), r.Err())
	// Output:
	// phase <nil>
	//  cursor: count 5: input ends early
}
