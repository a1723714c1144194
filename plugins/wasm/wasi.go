package wasm

import (
	"math"

	"github.com/tetratelabs/wazero/api"

	"github.com/becomingone/becomingone/plugins"
)

// inert is the Go runtime profile: the functions of WASI preview 1 that a Go guest imports, those
// of package os included, made of nothing that is outside the sandbox. No file is ever open but
// the two outputs, there are no arguments and no environment. plugins/ABI.md 7 says what each does.
var inert = map[string]function{
	"args_get":            {two, errno, func(_ *world, _ api.Module, stack []uint64) { stack[0] = ok }},
	"args_sizes_get":      {two, errno, noneOfThem},
	"environ_get":         {two, errno, func(_ *world, _ api.Module, stack []uint64) { stack[0] = ok }},
	"environ_sizes_get":   {two, errno, noneOfThem},
	"clock_time_get":      {[]api.ValueType{i32, i64, i32}, errno, clockTime},
	"random_get":          {two, errno, random},
	"fd_write":            {four, errno, write},
	"fd_close":            {one, errno, noFile},
	"fd_read":             {four, errno, noFile},
	"fd_fdstat_get":       {two, errno, noFile},
	"fd_fdstat_set_flags": {two, errno, noFile},
	"fd_prestat_get":      {two, errno, noFile},
	"fd_prestat_dir_name": {three, errno, noFile},
	"sched_yield":         {nil, errno, func(_ *world, _ api.Module, stack []uint64) { stack[0] = ok }},
	"poll_oneoff":         {four, errno, poll},
	"proc_exit":           {one, nil, exit},
}

var (
	one   = []api.ValueType{i32}
	two   = []api.ValueType{i32, i32}
	three = []api.ValueType{i32, i32, i32}
	four  = []api.ValueType{i32, i32, i32, i32}
	errno = []api.ValueType{i32}
)

// WASI's error numbers that the profile answers.
const (
	ok     = 0
	badf   = 8
	fault  = 21
	inval  = 28
	stdout = 1
	stderr = 2
)

func noFile(_ *world, _ api.Module, stack []uint64) { stack[0] = badf }

// noneOfThem says that there are 0 strings of 0 bytes.
func noneOfThem(_ *world, mod api.Module, stack []uint64) {
	m := mod.Memory()
	if !m.WriteUint32Le(uint32(stack[0]), 0) || !m.WriteUint32Le(uint32(stack[1]), 0) {
		stack[0] = fault
		return
	}
	stack[0] = ok
}

const (
	realtimeClock  = 0
	monotonicClock = 1
	lookNS         = 1000 // how far a look at the clock moves it, so that waiting for time to pass ends
)

func (w *world) now(clock uint32) (ns int64, known bool) {
	switch clock {
	case realtimeClock:
		return w.realtime + (w.elapsed - w.started), true
	case monotonicClock:
		return w.elapsed, true
	}
	return 0, false
}

// advance moves the instance's time, which saturates.
func (w *world) advance(ns int64) {
	if w.elapsed > math.MaxInt64-ns {
		w.elapsed = math.MaxInt64
		return
	}
	w.elapsed += ns
}

func clockTime(w *world, mod api.Module, stack []uint64) {
	w.advance(lookNS)
	t, known := w.now(uint32(stack[0]))
	switch {
	case !known:
		stack[0] = inval
	case !mod.Memory().WriteUint64Le(uint32(stack[2]), uint64(t)):
		stack[0] = fault
	default:
		stack[0] = ok
	}
}

func random(w *world, mod api.Module, stack []uint64) {
	n := uint32(stack[1])
	w.pay(mod, uint64(n))
	b, inside := mod.Memory().Read(uint32(stack[0]), n)
	if !inside {
		stack[0] = fault
		return
	}
	_, _ = w.random.Read(b) // always fills b
	stack[0] = ok
}

// write keeps the end of what goes to the two outputs.
func write(w *world, mod api.Module, stack []uint64) {
	fd, vectors, count, written := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	if fd != stdout && fd != stderr {
		stack[0] = badf
		return
	}
	m := mod.Memory()
	var total uint32
	for i := range count {
		w.pay(mod, 8)
		at := uint64(vectors) + 8*uint64(i)
		if at > math.MaxUint32 {
			stack[0] = fault
			return
		}
		ptr, have := m.ReadUint32Le(uint32(at))
		n, haveToo := m.ReadUint32Le(uint32(at) + 4)
		b, inside := m.Read(ptr, n)
		if !have || !haveToo || !inside || total > math.MaxUint32-n {
			stack[0] = fault
			return
		}
		w.pay(mod, uint64(n))
		w.log.write(b)
		total += n
	}
	if !m.WriteUint32Le(written, total) {
		stack[0] = fault
		return
	}
	stack[0] = ok
}

// Layout of poll_oneoff's records.
const (
	subscriptionBytes = 48
	eventBytes        = 32
	clockTag          = 0
	maxSubscriptions  = 64
)

// poll moves the clock to the earliest moment that the guest waits for and says that it has come:
// a guest that sleeps costs nobody anything. Whoever waits for a file learns that there is none.
func poll(w *world, mod api.Module, stack []uint64) {
	from, to, count, events := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	if count == 0 || count > maxSubscriptions {
		stack[0] = inval
		return
	}
	m := mod.Memory()
	subs, inside := m.Read(from, count*subscriptionBytes)
	out, insideToo := m.Read(to, count*eventBytes)
	if !inside || !insideToo {
		stack[0] = fault
		return
	}
	ready := w.wait(subs, out)
	if !m.WriteUint32Le(events, ready) {
		stack[0] = fault
		return
	}
	stack[0] = ok
}

func exit(_ *world, _ api.Module, stack []uint64) {
	panic(plugins.Errorf(plugins.CodeTrap, false, "the guest left with code %d", uint32(stack[0])))
}
