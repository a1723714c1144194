package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/folder"
	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/kernel/gate"
)

// node starts the program's demo on dir as a process of its own and returns it when it takes work.
func node(t testing.TB, dir string) (*exec.Cmd, *client.Client) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "run", "--demo", "--data", dir, "--http", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), childEnv+"=1", "BECOMINGONE_SOURCE__SECONDS_PER_YEAR=2", "BECOMINGONE_WITNESS__SNAPSHOT_EVERY=1s")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := poll(ctx, func() error {
		n, err := folder.ReadNode(dir)
		if err == nil && n.PID != cmd.Process.Pid {
			err = fmt.Errorf("the note is of process %d", n.PID)
		}
		if err != nil {
			return err
		}
		return get(ctx, dir, "/readyz")
	})
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("node: %v\n%s", err, said.String())
	}
	c, err := client.Find(ctx, dir, false)
	require.NoError(t, err)
	return cmd, c
}

// A node is killed without warning under load, again and again, on one data folder: after each start
// the log verifies, and every record that was ever acknowledged is in it.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	if _, err := os.Stat("../../examples/guests/voice.wasm"); err != nil {
		t.Skip("no guests: run `make guests`")
	}
	rounds := 50
	if testing.Short() {
		rounds = 8
	}
	dir := t.TempDir()
	acknowledged := map[uint64]string{}
	for round := range rounds {
		cmd, c := node(t, dir)
		for index, text := range loadUntilKilled(t, cmd, c, round) {
			require.NotContains(t, acknowledged, index, "two records with one index")
			acknowledged[index] = text
		}
		report, err := store.Verify(t.Context(), dir)
		require.NoError(t, err, "round %d, before any restart", round)
		require.GreaterOrEqual(t, report.Entries, uint64(len(acknowledged)))
	}
	cmd, _ := node(t, dir) // one more start, which recovers and stops cleanly
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())

	_, err := store.Verify(t.Context(), dir)
	require.NoError(t, err)
	r, err := store.OpenReader(dir)
	require.NoError(t, err)
	for index, text := range acknowledged {
		e, err := r.Entry(t.Context(), index)
		require.NoError(t, err)
		require.Contains(t, string(e.Payload), text, "entry %d", index)
	}
	require.GreaterOrEqual(t, len(acknowledged), rounds)
	t.Logf("%d kills, %d acknowledged records, none lost", rounds, len(acknowledged))

	replay := exec.Command(os.Args[0], "replay", "log", "--data", dir)
	replay.Env = append(os.Environ(), childEnv+"=1")
	out, err := replay.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// loadUntilKilled calls from several sides until a random number of calls was acknowledged, kills the
// process there, and returns what was acknowledged, by the index of its record.
func loadUntilKilled(t *testing.T, cmd *exec.Cmd, c *client.Client, round int) map[uint64]string {
	t.Helper()
	limit := 1 + rand.Int64N(80)
	var mu sync.Mutex
	got := map[uint64]string{}
	var count atomic.Int64
	var wg sync.WaitGroup
	var kill sync.Once
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				text := fmt.Sprintf("round %d worker %d call %d.", round, w, i)
				args, _ := json.Marshal(map[string]string{"text": text})
				out, err := c.Call(t.Context(), web.CallRequest{Action: "say", Arguments: args})
				if err != nil {
					return // the process is gone
				}
				if out.Verdict != gate.Collapse {
					t.Errorf("%s: %+v", text, out)
				}
				mu.Lock()
				got[out.WitnessIndex] = text
				mu.Unlock()
				if count.Add(1) >= limit {
					kill.Do(func() { _ = cmd.Process.Kill() })
				}
			}
		})
	}
	wg.Wait()
	_ = cmd.Wait() // killed, as intended
	return got
}
