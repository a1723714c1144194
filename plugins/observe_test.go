package plugins_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func records(from, n int) (in abi.ObserveInput) {
	for i := range n {
		in.Records = append(in.Records, abi.Record{Index: uint64(from + i), Type: "sample", Data: abi.Raw(`{}`)})
	}
	return in
}

// An observer sees every record once and in order, in batches that grow while it is busy; what the
// queue cannot hold is dropped and counted, and the caller never waits.
func TestObserveBatchesAndDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []uint64
		var batches []int
		p := &native{hold: make(chan struct{}), Plugin: &sdk.Plugin{Name: "eye", Version: "1", Observe: func(in *abi.ObserveInput) (abi.ObserveOutput, error) {
			mu.Lock()
			defer mu.Unlock()
			batches = append(batches, len(in.Records))
			for _, r := range in.Records {
				seen = append(seen, r.Index)
			}
			return abi.ObserveOutput{Observations: []abi.Observation{{Index: seen[0], Type: "note"}}}, nil
		}}}
		var noted []string
		cfg := plugins.Config{Queue: 10, Batch: 4, OnObservation: func(plugin string, o []abi.Observation) { noted = append(noted, plugin+":"+o[0].Type) }}
		s := running(t, cfg, folder(map[string]string{"eye": "kind: observer\n"}), fake{"eye": p})
		require.NoError(t, s.Observe(t.Context(), records(0, 1)))
		synctest.Wait() // the first is with the observer now
		require.NoError(t, s.Observe(t.Context(), records(1, 7)))
		require.NoError(t, s.Observe(t.Context(), records(8, 7)))
		st := s.Status()[0]
		require.Equal(t, 10, st.Waiting)
		require.EqualValues(t, 4, st.Dropped)
		close(p.hold)
		synctest.Wait()
		require.Equal(t, []int{1, 4, 4, 2}, batches)
		require.Equal(t, []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, seen)
		require.Equal(t, []string{"eye:note", "eye:note", "eye:note", "eye:note"}, noted)
		st = s.Status()[0]
		require.EqualValues(t, 11, st.Records)
		require.EqualValues(t, 4, st.Calls)
		require.Zero(t, st.Waiting)
	})
}

func TestObserverThatOnlyFailsIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &native{answer: []byte("\x01{\"code\":\"blind\",\"message\":\"dark\"}"), Plugin: &sdk.Plugin{Name: "eye", Version: "1",
			Observe: func(*abi.ObserveInput) (abi.ObserveOutput, error) { return abi.ObserveOutput{}, nil }}}
		s := running(t, plugins.Config{Batch: 1}, folder(map[string]string{"eye": "kind: observer\n"}), fake{"eye": p})
		require.NoError(t, s.Observe(t.Context(), records(0, 20)))
		synctest.Wait()
		st := s.Status()[0]
		require.Equal(t, plugins.Failed, st.State)
		require.Contains(t, st.Error, "blind")
		require.EqualValues(t, 8, st.Failures)
		require.EqualValues(t, 20, st.Dropped)
		require.NoError(t, s.Observe(t.Context(), records(20, 5)))
		synctest.Wait()
		require.EqualValues(t, 20, s.Status()[0].Dropped, "nobody is there to miss them")
	})
}

func TestRecordTooLargeForAnObserverIsNoStrike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &native{Plugin: &sdk.Plugin{Name: "eye", Version: "1",
			Observe: func(*abi.ObserveInput) (abi.ObserveOutput, error) { return abi.ObserveOutput{}, nil }}}
		s := running(t, plugins.Config{}, folder(map[string]string{"eye": "kind: observer\nlimits: {input_bytes: 100}\n"}), fake{"eye": p})
		large := abi.ObserveInput{Records: []abi.Record{{Data: append(append(abi.Raw(`"`), make([]byte, 200)...), '"')}}}
		for i := range large.Records[0].Data[1:201] {
			large.Records[0].Data[1+i] = 'x'
		}
		for range 20 {
			require.NoError(t, s.Observe(t.Context(), large))
			synctest.Wait()
		}
		require.NoError(t, s.Observe(t.Context(), records(0, 1)))
		synctest.Wait()
		st := s.Status()[0]
		require.Equal(t, plugins.Active, st.State)
		require.EqualValues(t, 1, st.Records)
		require.EqualValues(t, 20, st.Dropped)
	})
}
