package kairos_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
	"github.com/becomingone/becomingone/kernel/signal"
)

var bankConfig = kairos.BankConfig{
	Tau: 50 * time.Millisecond, Ratio: 4, Levels: 5, N0: 1, Horizon: time.Second, Partner: 20 * time.Millisecond,
}

// TestBankLevels compares each level with a window of its own, and the cross weights with their sum.
func TestBankLevels(t *testing.T) {
	b, err := kairos.NewBank(bankConfig)
	require.NoError(t, err)
	require.Equal(t, 5, b.Levels())
	c, err := kairos.NewCorrelator(kairos.PairConfig{Lag: 5 * time.Millisecond, Horizon: time.Second})
	require.NoError(t, err)
	var alone []*kairos.Integrator
	for j := range b.Levels() {
		require.Equal(t, 50*time.Millisecond<<(2*j), b.Tau(j))
		g, err := kairos.NewIntegrator(kairos.Config{Tau: b.Tau(j), N0: 1, Pair: kairos.PairConfig{Horizon: time.Second}})
		require.NoError(t, err)
		alone = append(alone, g)
	}
	cross, err := kairos.NewCross(b.Tau(1), bankConfig.Partner, time.Second)
	require.NoError(t, err)
	var all []kairos.Term
	for k, p := range draw(31, 400, 1, phase.ByPhase, false) {
		if k > 50 && k%9 == 0 {
			p.T -= 15_000_000
		}
		terms, err := c.Step(&p)
		require.NoError(t, err)
		for _, term := range terms {
			require.NoError(t, b.Add(term))
			require.NoError(t, cross.Add(term))
			for _, g := range alone {
				require.NoError(t, g.Add(term))
			}
			all = append(all, term)
		}
	}
	end, ok := b.Newest()
	require.True(t, ok)
	for j, g := range alone {
		require.Equal(t, g.Read(), b.Read(j))
		require.Equal(t, g.ReadAt(end+1e9), b.ReadAt(j, end+1e9))
		for _, at := range []int64{end, end + 30_000_000} {
			want := 0.0
			for _, term := range all {
				age := float64(at - term.T)
				want += float64(term.Sign) * term.Weight * term.Weight *
					math.Exp(-age/float64(b.Tau(j))) * math.Exp(-age/float64(bankConfig.Partner))
			}
			require.InEpsilon(t, want, b.Cross(j, at), 1e-12)
		}
	}
	require.InEpsilon(t, b.Cross(1, end), cross.ReadAt(end), 1e-14)
	require.Equal(t, uint64(400), b.Read(0).N+countWeightless(all))
}

// countWeightless returns how many fresh terms had no weight, less what re-pairing gave and took.
func countWeightless(terms []kairos.Term) (n uint64) {
	for _, t := range terms {
		switch {
		case t.Fresh && t.Weight == 0:
			n++
		case !t.Fresh:
			n -= uint64(int64(t.Sign))
		}
	}
	return n
}

func TestBankRestore(t *testing.T) {
	b, err := kairos.NewBank(bankConfig)
	require.NoError(t, err)
	r := signal.Rand(2)
	term := func(k int) kairos.Term {
		return kairos.Term{T: int64(k)*1e6 + int64(r.Uint64()%1e6), P: r.Circle(), Ex: 1, Ey: 1, Weight: 1, Sign: 1}
	}
	for k := range 100 {
		require.NoError(t, b.Add(term(k)))
	}
	data, err := b.AppendBinary(nil)
	require.NoError(t, err)
	twin, err := kairos.NewBank(bankConfig)
	require.NoError(t, err)
	require.NoError(t, twin.UnmarshalBinary(data))
	for k := 100; k < 200; k++ {
		x := term(k)
		require.NoError(t, b.Add(x))
		require.NoError(t, twin.Add(x))
	}
	for j := range b.Levels() {
		require.Equal(t, b.Read(j), twin.Read(j))
		require.Equal(t, b.Cross(j, 2e9), twin.Cross(j, 2e9))
	}
	for cut := range len(data) {
		require.Error(t, twin.UnmarshalBinary(data[:cut]))
	}
	other := bankConfig
	other.Levels = 4
	small, err := kairos.NewBank(other)
	require.NoError(t, err)
	require.ErrorContains(t, small.UnmarshalBinary(data), "want 4")
	b.Reset()
	require.Zero(t, b.Read(2).W)
	require.Zero(t, b.Cross(2, 0))
}

func TestCrossRestoreAndRefusals(t *testing.T) {
	c, err := kairos.NewCross(time.Second, time.Minute, time.Second)
	require.NoError(t, err)
	require.NoError(t, c.Add(kairos.Term{T: 5e9, Weight: 1, Sign: 1}))
	require.ErrorIs(t, c.Add(kairos.Term{T: 3e9, Weight: 1, Sign: 1}), kairos.ErrLate)
	require.Error(t, c.Add(kairos.Term{T: 6e9, Weight: 2, Sign: 1}))
	b, err := c.AppendBinary(nil)
	require.NoError(t, err)
	d, err := kairos.NewCross(time.Second, time.Minute, time.Second)
	require.NoError(t, err)
	require.NoError(t, d.UnmarshalBinary(b))
	require.Equal(t, c.ReadAt(7e9), d.ReadAt(7e9))
	require.Error(t, d.UnmarshalBinary(b[1:]))
	c.Reset()
	require.Zero(t, c.ReadAt(5e9))
	for _, bad := range [][3]time.Duration{{0, 1, 0}, {1, -1, 0}, {1, 1, -1}} {
		_, err := kairos.NewCross(bad[0], bad[1], bad[2])
		require.Error(t, err)
	}
}

func TestBankConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*kairos.BankConfig){
		"levels 0":  func(c *kairos.BankConfig) { c.Levels = 0 },
		"levels 65": func(c *kairos.BankConfig) { c.Levels = 65 },
		"tau 0s":    func(c *kairos.BankConfig) { c.Tau = 0 },
		"ratio 1":   func(c *kairos.BankConfig) { c.Ratio = 1 },
		"ratio NaN": func(c *kairos.BankConfig) { c.Ratio = math.NaN() },
		"292 years": func(c *kairos.BankConfig) { c.Ratio = 1e6 },
		"horizon":   func(c *kairos.BankConfig) { c.Horizon = -1 },
		"partner":   func(c *kairos.BankConfig) { c.Partner = -1 },
		"n0":        func(c *kairos.BankConfig) { c.N0 = math.Inf(1) },
		"reading":   func(c *kairos.BankConfig) { c.Reading = 3 },
	} {
		cfg := bankConfig
		change(&cfg)
		_, err := kairos.NewBank(cfg)
		require.ErrorContains(t, err, want)
	}
}

func TestBankAllocatesNothing(t *testing.T) {
	b, err := kairos.NewBank(bankConfig)
	require.NoError(t, err)
	term := kairos.Term{P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		term.T += 1_000_003
		if err := b.Add(term); err != nil {
			t.Fatal(err)
		}
	}))
}

func ExampleBank() {
	b, err := kairos.NewBank(kairos.BankConfig{Tau: 50 * time.Millisecond, Ratio: 10, Levels: 3, N0: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for k := range int64(1000) { // a coherent second
		if err := b.Add(kairos.Term{T: k * 1e6, P: 1, Ex: 1, Ey: 1, Weight: 1, Sign: 1}); err != nil {
			fmt.Println(err)
			return
		}
	}
	for j := range b.Levels() { // and a second of silence
		fmt.Printf("%v: %.3f, then %.3f\n", b.Tau(j), b.Read(j).Ts2, b.ReadAt(j, 2e9).Ts2)
	}
	// Output:
	// 50ms: 0.962, then 0.000
	// 500ms: 0.995, then 0.967
	// 5s: 0.998, then 0.997
}
