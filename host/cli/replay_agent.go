package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/becomingone/becomingone/kernel/intent"
)

// maxTrace is the longest line of a trace file, bytes.
const maxTrace = 64 << 20

// trace is one recorded run of an agent, as far as the gate is asked about it.
type trace struct {
	Suite    string `json:"suite"`
	Attack   string `json:"attack"` // empty or "none": a run without attack
	Utility  bool   `json:"utility"`
	Security bool   `json:"security"`
	Messages []struct {
		Trust string `json:"trust"` // trusted, model or untrusted
		Text  string `json:"text"`
		Tool  string `json:"tool"`
	} `json:"messages"`
	Calls []struct {
		Message   int             `json:"m"`
		Function  string          `json:"fn"`
		Arguments json.RawMessage `json:"args"`
		Effect    string          `json:"effect"`
		Label     string          `json:"label"`
	} `json:"calls"`
}

func (t *trace) benign() bool { return t.Attack == "" || t.Attack == "none" }

// agentReplay is what `replay agent` was asked to do.
type agentReplay struct {
	tools []string
	mode  string
	form  string
	cfg   intent.Config
}

func (a *app) replayAgentCmd() *cobra.Command {
	r := agentReplay{cfg: intent.DefaultConfig()}
	cmd := &cobra.Command{
		Use: "agent FILE", Short: "Measure the agent gate on recorded runs of agents", Args: cobra.ExactArgs(1),
		Long: "Replays recorded runs of agents (JSON lines, gzip where the name ends in .gz) through the agent\n" +
			"gate. A run without attack is lost if any of its calls is held; an attack leaks if any injected\n" +
			"call passes. Only calls that write or reach the open world are gated. The baselines are printed\n" +
			"beside: each at the threshold that holds 95 % of the injected calls of the same file.",
		Example: "  becomingone replay agent dev.jsonl.gz --tools catalogue.json --mode default --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := a.agentFigures(cmd.Context(), args[0], &r)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(f)
			}
			return f.print(a.out)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&r.tools, "tools", nil, "catalogue of tools (JSON); may be given more than once")
	f.StringVar(&r.mode, "mode", "default", "strict, default, reversible or off")
	f.StringVar(&r.form, "form", "exact", "exact or phasor: how coherence with trusted text is held")
	f.BoolVar(&r.cfg.SilentCarrier, "silent-carrier", false, "as if every value had come in innocent text: no directive forcing")
	return a.jsonFlag(cmd)
}

func (a *app) agentFigures(ctx context.Context, name string, r *agentReplay) (*agentFigures, error) {
	if err := r.cfg.Mode.UnmarshalText([]byte(r.mode)); err != nil {
		return nil, &failure{code: exitUsage, err: err}
	}
	if err := r.cfg.Form.UnmarshalText([]byte(r.form)); err != nil {
		return nil, &failure{code: exitUsage, err: err}
	}
	listed, err := readCatalogues(r.tools)
	if err != nil {
		return nil, err
	}
	m, err := newAgentMeter(r.cfg, listed)
	if err != nil {
		return nil, err
	}
	if err := a.traceLines(ctx, name, m.run); err != nil {
		return nil, err
	}
	return m.figures(), nil
}

// readCatalogues returns the names of the tools of all catalogues, {suite: {tools: {name: …}}}.
func readCatalogues(names []string) (map[string]bool, error) {
	listed := map[string]bool{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read catalogue: %w", err)
		}
		var suites map[string]struct {
			Tools map[string]json.RawMessage `json:"tools"`
		}
		if err := json.Unmarshal(data, &suites); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", name, err)
		}
		for _, s := range suites {
			for tool := range s.Tools {
				listed[tool] = true
			}
		}
	}
	return listed, nil
}

// traceLines calls run with each trace of a file, one at a time.
func (a *app) traceLines(ctx context.Context, name string, run func(*trace) error) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read traces: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("read traces: %w", err)
	}
	p := &progress{in: file, total: info.Size()}
	if out, ok := a.errs.(*os.File); ok && term.IsTerminal(int(out.Fd())) {
		p.out = out
	}
	defer p.done()
	var in io.Reader = bufio.NewReaderSize(p, 1<<16)
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("read traces %s: %w", name, err)
		}
		in = z
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<16), maxTrace)
	for n := 1; lines.Scan(); n++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read traces %s: line %d: %w", name, n, err)
		}
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var t trace
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return fmt.Errorf("read traces %s: line %d: %w", name, n, err)
		}
		if err := run(&t); err != nil {
			return fmt.Errorf("read traces %s: line %d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("a line of more than %d bytes", maxTrace)
		}
		return fmt.Errorf("read traces %s: %w", name, err)
	}
	return nil
}

// progress counts what is read and, where a person watches, draws it.
type progress struct {
	in          io.Reader
	out         io.Writer // nil: nobody watches
	read, total int64
	drawn       int64 // in hundredths
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	p.read += int64(n)
	if p.out == nil || p.total == 0 {
		return n, err
	}
	if done := 100 * p.read / p.total; done > p.drawn {
		p.drawn = done
		const width = 40
		full := int(width * done / 100)
		fmt.Fprintf(p.out, "\r%s%s %3d %%", strings.Repeat("█", full), strings.Repeat("·", width-full), done)
	}
	return n, err
}

func (p *progress) done() {
	if p.drawn > 0 {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// agentMeter asks the gate about every call of every run, and counts.
type agentMeter struct {
	book   *intent.Book
	listed map[string]bool
	all    *agentCounts
	suites map[string]*agentCounts
	spent  times
}

func newAgentMeter(cfg intent.Config, listed map[string]bool) (*agentMeter, error) {
	m := &agentMeter{listed: listed, all: &agentCounts{}, suites: map[string]*agentCounts{}}
	var err error
	if m.book, err = intent.New(cfg); err != nil {
		return nil, err
	}
	return m, nil
}

const replayed = "run" // the one session that is open at a time

// run replays one run up to its last gated call.
func (m *agentMeter) run(t *trace) error {
	s := m.suites[t.Suite]
	if s == nil {
		s = &agentCounts{}
		m.suites[t.Suite] = s
	}
	defer m.book.Close(replayed)
	r := newRunCount(t)
	next := 0
	for i, msg := range t.Messages {
		for ; next < len(t.Calls) && t.Calls[next].Message <= i; next++ {
			if err := m.call(t, next, &r); err != nil {
				return fmt.Errorf("call %d: %w", next, err)
			}
		}
		if next == len(t.Calls) {
			break
		}
		if msg.Trust != "trusted" && msg.Trust != "untrusted" {
			continue // the model's own words feed neither pathway
		}
		err := m.book.Hear(0, replayed, intent.Text{Trusted: msg.Trust == "trusted", Source: msg.Tool, Body: msg.Text})
		if err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	m.all.add(&r)
	s.add(&r)
	return nil
}

// call asks about one call.
func (m *agentMeter) call(t *trace, i int, r *runCount) error {
	c := &t.Calls[i]
	effect := gate.Write
	if err := effect.UnmarshalText([]byte(c.Effect)); err != nil {
		return err
	}
	call := intent.Call{Session: replayed, Action: c.Function, Effect: effect, Arguments: c.Arguments}
	if effect == gate.Read {
		m.book.Judge(0, call) // it passes, but what answers it is as forced as its values
		return nil
	}
	begin := time.Now()
	answer := m.book.Judge(0, call)
	m.spent.add(time.Since(begin))
	if !answer.Key.Pass && !answer.Ask {
		return fmt.Errorf("%s: %s", c.Function, answer.Key.Need)
	}
	l := m.book.Lexical(0, call)
	r.add(c.Label, !m.listed[c.Function], scores{
		verdict:      held(!answer.Key.Pass),
		strict:       held(!m.book.Voiced(0, call)),
		literalDelta: max(l.Master-l.Emissary, l.Emissary-l.Master),
		literalSync:  -(l.Master + l.Emissary) / 2,
		lexical:      -l.Weighted,
	})
	return nil
}

func held(h bool) float64 {
	if h {
		return 1
	}
	return -1
}
