package breaker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/host/breaker"
)

const second = int64(time.Second)

func TestIdenticalCallsInARow(t *testing.T) {
	b := breaker.New(breaker.Config{Identical: 3})
	for i := range 3 {
		_, tripped := b.Call(int64(i), "s", "pay", []byte(`{}`))
		require.False(t, tripped)
	}
	key, tripped := b.Call(4, "s", "pay", []byte(`{}`))
	require.True(t, tripped)
	require.Equal(t, breaker.Name, key.Name)
	require.Equal(t, -1., key.Margin)
	require.False(t, key.Pass)
	require.Contains(t, key.Need, "4 times in a row, at most 3")
	_, tripped = b.Call(5, "t", "pay", []byte(`{}`))
	require.False(t, tripped, "another session")
	_, tripped = b.Call(5, "s", "say", []byte(`{}`))
	require.False(t, tripped, "another tool")
	_, tripped = b.Call(6, "s", "pay", []byte(`{}`))
	require.True(t, tripped, "calls of other tools do not hide a circle")
	_, tripped = b.Call(7, "s", "pay", []byte(`{"n":1}`))
	require.False(t, tripped, "other arguments")
	for range 3 {
		_, tripped = b.Call(8, "s", "pay", []byte(`{}`))
		require.False(t, tripped)
	}
	_, tripped = b.Call(8+60*second, "s", "pay", []byte(`{}`))
	require.False(t, tripped, "after a minute's pause")
}

func TestCallsPerMinute(t *testing.T) {
	b := breaker.New(breaker.Config{CallsPerMinute: 60})
	passed := 0
	for i := range 300 { // five a second for a minute, no two the same
		if _, tripped := b.Call(int64(i)*second/5, "s", "pay", fmt.Append(nil, i)); !tripped {
			passed++
		}
	}
	require.InDelta(t, 120, passed, 1, "60 at once and one a second")
	key, tripped := b.Call(60*second, "s", "pay", nil)
	for !tripped {
		key, tripped = b.Call(60*second, "s", "pay", nil)
	}
	require.Contains(t, key.Need, "the next may come in")
	require.Negative(t, key.Margin)
}

func TestOff(t *testing.T) {
	b := breaker.New(breaker.Config{})
	for range 10_000 {
		_, tripped := b.Call(1, "s", "pay", nil)
		require.False(t, tripped)
	}
}

// Filling it with sessions costs no more memory than its bound, and trips nobody.
func TestManySessions(t *testing.T) {
	b := breaker.New(breaker.Config{CallsPerMinute: 1, Identical: 1})
	for i := range 20_000 {
		_, tripped := b.Call(int64(i), fmt.Sprint(i), "pay", nil)
		require.False(t, tripped)
	}
}

func ExampleBreaker_Call() {
	b := breaker.New(breaker.Config{Identical: 2})
	for range 3 {
		if key, tripped := b.Call(0, "chat", "pay", []byte(`{"to":"bob"}`)); tripped {
			fmt.Println(key.Need)
		}
	}
	// Output:
	// the same call of pay came 3 times in a row, at most 2 may: another call of it, or a minute's pause
}

func BenchmarkCall(b *testing.B) {
	br := breaker.New(breaker.Config{CallsPerMinute: 1 << 30, Identical: 1 << 30})
	args := []byte(`{"to":"bob","amount":100}`)
	b.ReportAllocs()
	at := int64(0)
	for b.Loop() {
		at += 1000
		br.Call(at, "chat", "pay", args)
	}
}
