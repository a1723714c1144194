package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/witness"
	"github.com/stretchr/testify/require"
)

const killEnv = "BECOMINGONE_STORE_KILL_DIR"

// TestMain turns the test binary into the writer that TestKillNine kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		if err := appendForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// appendForEver appends from many goroutines and prints each acknowledged record.
func appendForEver(dir string) error {
	l, err := Open(dir, Config{SealEvery: 5 * time.Millisecond, SegmentEntries: 300})
	if err != nil {
		return err
	}
	fmt.Println("ready", l.Size())
	ctx := context.Background()
	var mu sync.Mutex
	for c := range 16 {
		go func() {
			for i := 0; ; i++ {
				p := fmt.Sprintf("process %d caller %d record %d", os.Getpid(), c, i)
				first, err := l.Append(ctx, []witness.Record{{Level: witness.Micro, Type: witness.Cycle, Payload: []byte(p)}})
				if err != nil {
					return
				}
				mu.Lock()
				fmt.Printf("%d %s\n", first, p)
				mu.Unlock()
				if c == 0 && i%50 == 49 {
					if err := l.Erase(ctx, first); err != nil {
						return
					}
				}
			}
		}()
	}
	return l.Run(ctx)
}

// A process killed under load, again and again on one folder: what it acknowledged is there.
func TestKillNine(t *testing.T) {
	rounds := 10
	if os.Getenv("BECOMINGONE_LONG") != "" {
		rounds = 50
	}
	dir := t.TempDir()
	acked := map[uint64]string{}
	r := rand.New(rand.NewPCG(11, 13))
	for round := range rounds {
		killOne(t, dir, acked, 200+r.IntN(1500))
		rep, err := Verify(t.Context(), dir)
		require.NoError(t, err, "round %d, before recovery", round)
		require.False(t, rep.Live)
		l, err := Open(dir, Config{})
		require.NoError(t, err, "round %d", round)
		found := 0
		for e, err := range l.Entries(t.Context(), 0) {
			require.NoError(t, err, "round %d", round)
			want, ok := acked[e.Leaf.Sequence]
			if ok {
				found++
			}
			if ok && !e.Erased {
				require.Equal(t, want, string(e.Payload))
			}
		}
		require.Equal(t, len(acked), found, "round %d", round)
		require.NoError(t, l.Close())
		_, err = Verify(t.Context(), dir)
		require.NoError(t, err, "round %d, after recovery", round)
	}
	t.Logf("%d kills, %d acknowledged records, none lost", rounds, len(acked))
}

// killOne runs a writer until it has acknowledged n records and then kills it at once.
func killOne(t *testing.T, dir string, acked map[uint64]string, n int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	ready, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(ready, "ready "), ready)
	for got := 0; ; got++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // behind the last whole line
		}
		index, payload, _ := strings.Cut(strings.TrimSpace(line), " ")
		i, err := strconv.ParseUint(index, 10, 64)
		require.NoError(t, err)
		if old, ok := acked[i]; ok {
			t.Fatalf("entry %d acknowledged twice: %q, %q", i, old, payload)
		}
		acked[i] = payload
		if got == n {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
}
