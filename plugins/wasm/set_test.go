package wasm_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/plugins/wasm"
	"github.com/becomingone/becomingone/sdk/abi"
)

// node is a set with the voice and a guest that loops for ever.
func node(t testing.TB) *plugins.Set {
	d := abi.Description{Kind: abi.KindAction, Name: "spinner", Version: "1", ABI: abi.Version, Actions: []abi.Action{{Name: "spin"}}}
	describe, err := d.Append([]byte{abi.StatusOK})
	require.NoError(t, err)
	fsys := fstest.MapFS{}
	for name, p := range map[string]struct {
		code []byte
		rest string
	}{
		"spinner": {guest{describe: describe, call: loop()}.bytes(), "version: '1'\nactions: {spin: {effect: read}}\n"},
		"voice":   {goGuest(t, voiceFolder), "version: 1.0.0\nlimits: {instances: 4}\nactions: {say: {effect: write}, announce: {effect: write}, announce-shuffled: {effect: write}}\n"},
	} {
		sum := sha256.Sum256(p.code)
		text := fmt.Sprintf("name: %s\nkind: action\nabi: bo1\nfile: %s.wasm\nsha256: %s\n%s", name, name, hex.EncodeToString(sum[:]), p.rest)
		fsys[name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
		fsys[name+".wasm"] = &fstest.MapFile{Data: p.code}
	}
	l := newLoader(t, wasm.Config{})
	s, err := plugins.NewSet(plugins.Config{Embedded: map[string]fs.FS{"here": fsys}}, map[string]plugins.Loader{abi.Version: l})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		run.Wait()
		require.NoError(t, s.Close(context.WithoutCancel(ctx)))
	})
	<-s.Ready()
	for _, st := range s.Status() {
		require.Equal(t, plugins.Active, st.State, st.Error)
	}
	return s
}

// Four callers loop a guest for ever while four others speak: each speaker has each answer within
// the deadline, each looper an error.
func TestNodeUnderALoopingPlugin(t *testing.T) {
	s := node(t)
	var callers sync.WaitGroup
	var mu sync.Mutex
	var worst time.Duration
	for n := range 8 {
		callers.Go(func() {
			in, want := abi.ActInput{Action: "say", Arguments: abi.Raw(`{"text":"hello"}`), Session: fmt.Sprint(n)}, ""
			if n%2 == 1 {
				in, want = abi.ActInput{Action: "spin", Session: fmt.Sprint(n)}, plugins.CodeFuel
			}
			for range 10 {
				start := time.Now()
				out, err := s.Act(t.Context(), in)
				if codeOf(err) != want || (want == "" && out.Content[0].Text != "hello") {
					t.Errorf("caller %d: %v", n, err)
				}
				mu.Lock()
				if want == "" {
					worst = max(worst, time.Since(start))
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	t.Logf("slowest answer beside a looping plugin: %v", worst)
}

func BenchmarkAct(b *testing.B) {
	s := node(b)
	in := abi.ActInput{Action: "say", Arguments: abi.Raw(`{"text":"hello"}`), Session: "s"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Act(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
