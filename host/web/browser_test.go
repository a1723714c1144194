package web

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/becomingone/becomingone/kernel/gate"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// chromium returns a browser's path or skips the test with a reason.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("browser tests skipped: no chromium, chromium-browser or google-chrome on the PATH")
	return ""
}

// browser is one headless page and everything that it complained about.
type browser struct {
	ctx  context.Context
	mu   sync.Mutex
	seen []string
}

// open starts a browser with a fresh profile.
func open(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true), chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("lang", "en-GB"), chromedp.Env("TZ=UTC"))
	b := &browser{}
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithListener(b.hear))
	t.Cleanup(func() { cancel(); stop() })
	b.ctx = ctx
	require.NoError(t, chromedp.Do(ctx))
	return b
}

// hear keeps errors, warnings, exceptions and what the browser logs, such as violations of the policy.
func (b *browser) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.note("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.note(fmt.Sprintf("console.%s: %s", e.Type, e.Args[0].Value))
	case *log.EventEntryAdded:
		b.note(fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	}
}

func (b *browser) note(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, text)
}

func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.seen...)
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, actions...))
}

// get returns the value of a JavaScript expression.
func get[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err, expression)
	return v
}

// until waits for a JavaScript condition of the page; the page itself looks, without a guess of ours
// at how long it takes.
func (b *browser) until(t *testing.T, condition string) {
	t.Helper()
	ok := get[bool](t, b, `new Promise((done) => {
		const end = Date.now() + 20000;
		const look = () => { if (`+condition+`) done(true); else if (Date.now() > end) done(false); else setTimeout(look, 20); };
		look();
	})`)
	if !ok {
		require.Fail(t, "the page never came to "+condition, "%v\n%s", b.complaints(), get[string](t, b, `document.body.innerText`))
	}
}

// visit opens a page at a window's size, with the colours and motion that the user prefers.
func (b *browser) visit(t *testing.T, url string, width, height int64, scheme, motion string) {
	t.Helper()
	b.prefer(t, width, height, scheme, motion)
	b.do(t, chromedp.Navigate(url))
}

func (b *browser) prefer(t *testing.T, width, height int64, scheme, motion string) {
	t.Helper()
	b.do(t, chromedp.EmulateViewport(width, height))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}}})
	require.NoError(t, err)
}

// shot writes a picture of the whole page into the test's folder, or into $WEB_SHOTS to look at.
func (b *browser) shot(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("WEB_SHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.Greater(t, len(png), 5_000, "an empty page is smaller")
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

// player serves a node and feeds it like a demo.
type player struct {
	*Server
	node          *fakeNode
	url           string
	co2, shuffled *signal
	stop          func()
}

func play(t *testing.T, change func(*Config)) *player {
	t.Helper()
	s, n := newServer(t, change)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	stop := sync.OnceFunc(func() { cancel(); require.NoError(t, <-done) })
	t.Cleanup(stop)
	start := time.Now().Add(-95 * time.Second).UnixNano()
	n.status.StartedAt, n.status.At = start, start+95e9
	n.status.Log.CheckpointAt = start + 92e9
	for i := range n.status.Decisions {
		n.status.Decisions[i].At = start + int64(i+1)*9e9
	}
	return &player{Server: s, node: n, url: "http://" + ln.Addr().String(), co2: newSignal("co2", true), shuffled: newSignal("co2-shuffled", false), stop: stop}
}

// weeks plays n weeks of both fields.
func (p *player) weeks(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, p.Publish("field", encoded(p.co2.next())))
		require.NoError(t, p.Publish("field", encoded(p.shuffled.next())))
	}
	p.node.mu.Lock()
	defer p.node.mu.Unlock()
	p.node.status.Fields = []Field{p.co2.line(), p.shuffled.line()}
	for i := range p.node.status.Fields {
		p.node.status.Fields[i].Gate = limits()
	}
}

const (
	pageLive    = `document.getElementById("link-text").textContent === "Live"`
	rowsOfTable = 12
)

func TestPageShowsWhatHappens(t *testing.T) {
	b, p := open(t), play(t, nil)
	p.weeks(t, 300)
	b.visit(t, p.url, 1280, 900, "light", "no-preference")
	b.until(t, pageLive)

	const joint = `document.querySelector(".field .n-sync").textContent`
	b.until(t, joint+` > ""`)
	before := get[string](t, b, joint)
	p.weeks(t, 130)
	b.until(t, joint+` !== "`+before+`"`)
	b.until(t, `document.querySelectorAll(".field")[0].dataset.state === "collapsed"`)
	require.Equal(t, "Accumulating", get[string](t, b, `document.querySelectorAll(".field")[1].querySelector(".f-chip").textContent`))

	d := decisionOf(77, "announce", gate.Collapse)
	d.At = time.Now().UnixNano()
	require.NoError(t, p.Publish("decision", encoded(d)))
	require.NoError(t, p.Publish("action", encoded(Ran{At: d.At, Action: "announce", Decision: 77, WitnessIndex: 78, DurationUS: 640})))
	b.until(t, `document.querySelector("[data-id=d77]")?.textContent.includes("640 µs")`)
	b.until(t, `document.getElementById("live").textContent.length > 0`)
	require.Contains(t, get[string](t, b, `document.getElementById("events").textContent`), "co2")
	require.Contains(t, get[string](t, b, `document.querySelector(".f-when").textContent`), "1966", "the record's time, not ours")
	require.NotContains(t, get[string](t, b, `document.documentElement.textContent`), secretText, "an unpaired page holds nothing that was said")
	b.shot(t, "light")
	b.prefer(t, 1280, 900, "dark", "reduce")
	b.shot(t, "dark")
	require.Empty(t, b.complaints())
}

func TestPageOnAPhone(t *testing.T) {
	b, p := open(t), play(t, nil)
	p.weeks(t, 430)
	p.node.status.Questions = []Question{{ID: "q-17", At: p.node.status.At, Action: "pay", Text: secretText}}
	p.node.status.Peers = []Peer{{ID: "p1", Name: "kitchen", Link: "direct", State: "ready", RTTMs: 1.8, OffsetUS: 42, Coherence: 0.97}}
	for _, width := range []int64{320, 360} {
		b.visit(t, p.url, width, 740, "light", "reduce")
		b.until(t, pageLive)
		b.until(t, `document.querySelectorAll(".field").length === 2 && document.querySelector("#peers table")`)
		get[chromedp.Void](t, b, `document.querySelectorAll("details").forEach((d) => { d.open = true; })`)
		b.until(t, `document.querySelectorAll(".values tbody tr").length > 10`)
		wide := get[[]string](t, b, `[...document.querySelectorAll("body *")]
			.filter((e) => !e.closest(".scroll, .hidden-text, svg") && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 90))
			.concat(document.documentElement.scrollWidth > innerWidth ? ["page scrolls sideways"] : [])`)
		require.Empty(t, wide, "at %d px", width)
	}
	require.Empty(t, get[[]string](t, b, `[...document.querySelectorAll("button, summary")]
		.filter((e) => e.offsetParent && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)`), "what is touched is at least 24 px high")
	get[chromedp.Void](t, b, `document.querySelectorAll("details").forEach((d) => { d.open = false; })`)
	b.shot(t, "phone")
	b.prefer(t, 360, 740, "dark", "reduce")
	b.shot(t, "phone-dark")
	require.Empty(t, b.complaints())
}

// The tab key reaches every control in reading order, and each picture, meter and region has a name.
func TestPageByKeyboard(t *testing.T) {
	b, p := open(t), play(t, nil)
	p.weeks(t, 90)
	b.visit(t, p.url, 1280, 900, "light", "reduce")
	b.until(t, pageLive)
	b.until(t, `document.querySelectorAll("#events details").length === 3`)
	var order []string
	for range 6 {
		b.do(t, chromedp.KeyEvent(kb.Tab))
		order = append(order, get[string](t, b, `document.activeElement.textContent.trim()`))
	}
	require.Equal(t, []string{"Skip to content", "Show as a table", "Show as a table"}, order[:3])
	for _, at := range order[3:] {
		require.Contains(t, at, "log entry")
	}
	get[chromedp.Void](t, b, `document.querySelector(".values summary").focus()`)
	b.do(t, chromedp.KeyEvent(kb.Enter))
	b.until(t, `document.querySelectorAll(".values[open] tbody tr").length > 0`)
	require.Equal(t, rowsOfTable, get[int](t, b, `document.querySelectorAll(".values[open] tbody tr").length`))
	require.Empty(t, get[[]string](t, b, `[...document.querySelectorAll("svg[role=img], [role=meter], [role=region], section")]
		.filter((e) => !e.getAttribute("aria-label") && !document.getElementById(e.getAttribute("aria-labelledby"))).map((e) => e.outerHTML.slice(0, 90))`))
	require.Equal(t, []string{"H1", "H2", "H3"}, get[[]string](t, b, `[...document.querySelectorAll("h1, h2, h3")].slice(0, 3).map((e) => e.tagName)`))
	require.Empty(t, b.complaints())
}

// Every text stands out from what is behind it by at least 4.5 to 1, in both schemes.
func TestPageContrast(t *testing.T) {
	b, p := open(t), play(t, nil)
	p.weeks(t, 430)
	for _, scheme := range []string{"light", "dark"} {
		b.visit(t, p.url, 1280, 900, scheme, "reduce")
		b.until(t, pageLive)
		b.until(t, `document.querySelector("#plugins table")`)
		require.Greater(t, get[int](t, b, contrastScript+`.length`), 60, "texts looked at")
		require.Empty(t, get[[]string](t, b, contrastScript+`.filter(([ratio]) => ratio < 4.5).map(([ratio, text]) => ratio.toFixed(2) + " " + text)`), scheme)
	}
}

const contrastScript = `(() => {
	const rgb = (s) => s.match(/[\d.]+/g).map(Number);
	const lum = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((a, v, i) => a + v * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
	return [...document.querySelectorAll("body *")]
		.filter((e) => e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
		.map((e) => { const s = getComputedStyle(e), svg = e.namespaceURI.endsWith("svg");
			const a = lum(rgb(svg ? s.fill : s.color)), b = lum(behind(e));
			return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.outerHTML.slice(0, 100)]; });
})()`

func TestPagePairs(t *testing.T) {
	b, p := open(t), play(t, nil)
	p.weeks(t, 20)
	addr, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	const inFull = `document.getElementById("events").textContent.includes("` + secretText + `")`
	b.visit(t, p.PairURL(addr), 1280, 900, "light", "reduce")
	b.until(t, inFull)
	require.NotContains(t, get[string](t, b, `location.href`), "pair=", "the code does not stay in the address bar")
	require.Contains(t, get[string](t, b, `document.querySelector("footer").textContent`), "This page is paired")
	b.do(t, chromedp.Reload())
	b.until(t, inFull)
	get[chromedp.Void](t, b, `document.getElementById("unpair").click()`)
	b.until(t, `document.getElementById("viewer").textContent.startsWith("Reading only")`)
	b.until(t, `document.querySelectorAll("#events li").length > 0 && !document.body.textContent.includes("`+secretText+`")`)
	require.Empty(t, b.complaints())
}

// A paired page answers a question; one that is not paired cannot.
func TestPageAnswersQuestions(t *testing.T) {
	f := &fakeApprovals{answers: map[string]bool{}}
	b, p := open(t), play(t, func(c *Config) { c.Approvals = f })
	p.weeks(t, 5)
	q := Question{ID: "q-1", At: p.node.status.At, ExpiresAt: p.node.status.At + int64(time.Hour), Action: "pay", Session: "s",
		Arguments: []byte(`{"to":"` + secretText + `"}`), Text: "came from mail:4", State: "open"}
	p.node.status.Questions = []Question{q}
	b.visit(t, p.url, 1280, 900, "light", "reduce")
	b.until(t, `document.querySelectorAll("#questions li").length === 1`)
	require.Zero(t, get[int](t, b, `document.querySelectorAll("#questions button").length`))
	require.NotContains(t, get[string](t, b, `document.body.innerText`), secretText)

	addr, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	b.do(t, chromedp.Navigate(p.PairURL(addr)))
	b.until(t, `document.querySelectorAll("#questions button").length === 2`)
	require.Contains(t, get[string](t, b, `document.getElementById("questions").innerText`), secretText)
	b.shot(t, "question")
	get[chromedp.Void](t, b, `document.querySelector("#questions .yes").click()`)
	b.until(t, `document.getElementById("s-questions").hidden`)
	f.mu.Lock()
	require.Equal(t, map[string]bool{"q-1": true}, f.answers)
	require.Equal(t, "page", f.by)
	f.mu.Unlock()

	q.ID = "q-2" // one that the node no longer knows: the page says so and goes on asking
	require.NoError(t, p.Publish("question", encoded(q)))
	b.until(t, `document.querySelector("#questions .no")`)
	get[chromedp.Void](t, b, `document.querySelector("#questions .no").click()`)
	b.until(t, `document.getElementById("questions").innerText.includes("no question")`)
	q.State = "expired"
	require.NoError(t, p.Publish("question", encoded(q)))
	b.until(t, `document.getElementById("s-questions").hidden`)
}

func TestPageSaysThatALinkIsUsed(t *testing.T) {
	b, p := open(t), play(t, nil)
	b.visit(t, p.url+"/#pair=USED", 1280, 900, "light", "reduce")
	b.until(t, `document.getElementById("notice").innerText.includes("ask the node for a new link")`)
	b.until(t, pageLive)
}

func TestPageSaysWhenTheNodeIsGone(t *testing.T) {
	b, p := open(t), play(t, nil)
	p.weeks(t, 60)
	b.visit(t, p.url, 1280, 900, "light", "reduce")
	b.until(t, pageLive)
	p.stop()
	b.until(t, `!document.getElementById("notice").hidden && document.getElementById("link-text").textContent === "Node gone"`)
	b.shot(t, "gone")

	ln, err := net.Listen("tcp", strings.TrimPrefix(p.url, "http://"))
	require.NoError(t, err)
	s, _ := newServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	get[chromedp.Void](t, b, `document.getElementById("retry").click()`)
	b.until(t, pageLive+` && document.getElementById("notice").hidden`)
}

func TestPageThatMayNotRead(t *testing.T) {
	b, p := open(t), play(t, func(c *Config) { c.RequireToken = true })
	b.visit(t, p.url, 1280, 900, "light", "reduce")
	b.until(t, `document.getElementById("notice-text").textContent.includes("pairing link")`)
	require.NotContains(t, get[string](t, b, `document.body.innerText`), "Nothing has been decided", "what is not known is not said")
	b.shot(t, "refused")
}
