package meter

// charge is a place where fuel is taken, for instructions that run whenever it is passed.
type charge struct {
	from  int    // the charge that is always passed before this one, or dead
	cost  uint32 // units of the instructions that it pays for
	slack uint32 // units of cost for instructions that a branch may skip
	check bool   // a cycle passes here: entry of a function that calls, head of a loop
}

// edit is a place where the rewritten body has more than the original.
type edit struct {
	at     int    // offset in the module before which the addition stands
	kind   change // what is added
	charge int    // of the scanner's charges, for a charge
	length length // how the number on the stack becomes units, for a length
}

type change uint8

const (
	addCharge change = iota // take a charge
	addLength               // take what the next instruction costs by its length
	addDepth                // tell the function that is called next how deep it is
)

// dead is the charge of code that cannot be reached: it pays nothing.
const dead = -1

// frame is a block that is open where the scanner stands.
type frame struct {
	op     byte      // block, loop, if, or else once that has begun; end for the function itself
	charge int       // current where the block opened
	out    int       // the lowest frame that a branch from inside goes to
	sig    signature // values in and out
}

// label returns how many values a branch to f moves.
func (f frame) label() int {
	if f.op == opLoop {
		return f.sig.params
	}
	return f.sig.results
}

// scanner walks one function body and collects where fuel is due.
type scanner struct {
	w       *rewriter
	r       *reader
	locals  int // parameters included
	frames  []frame
	charges []charge
	edits   []edit
	current int // the charge that pays for the next instruction, or dead
	work    int // see Limits.Work
	blocks  int // see Limits.Complexity
	loops   int
	open    int  // loops open at once
	calls   bool // the body calls
	lengths bool // the body has an instruction that is paid by its length
}

// body scans up to the function's end.
func (c *scanner) body(sig signature) {
	c.charges = append(c.charges[:0], charge{from: dead})
	c.edits = append(c.edits[:0], edit{at: c.r.pos})
	c.frames = append(c.frames[:0], frame{op: opEnd, sig: sig})
	c.current, c.work, c.blocks, c.loops, c.open, c.calls, c.lengths = 0, 0, 1, 0, 0, false, false
	c.pay(costEntry + uint32(c.locals)/4)
	for len(c.frames) > 0 && c.r.ok() {
		c.instruction()
	}
	if c.r.more() {
		c.r.fail(c.r.pos, "%d bytes after the function's end", c.r.end-c.r.pos)
	}
	c.charges[0].check = c.calls
}

func (c *scanner) instruction() {
	at := c.r.pos
	c.does(at, 1)
	switch op := c.r.byte("opcode"); op {
	case opBlock, opLoop, opIf:
		c.enter(at, op)
	case opElse:
		c.otherwise(at)
	case opEnd:
		c.leave()
	case opBr, opBrIf, opBrTable:
		c.branch(at, op)
	case opReturn:
		c.pay(costSimple)
		c.escape(0)
		c.current = dead
	case opUnreachable:
		c.pay(costSimple)
		c.current = dead
	case opCall, opCallIndirect:
		c.call(at, op)
	default:
		c.simple(at, op)
	}
}

// pay adds cost to the current charge.
func (c *scanner) pay(cost uint32) {
	if c.current != dead {
		c.charges[c.current].cost += cost
	}
}

// begin starts a charge where the scanner stands, which is never passed without from.
func (c *scanner) begin(from int, check bool) {
	c.current = dead
	if from != dead {
		c.current = len(c.charges)
		c.edits = append(c.edits, edit{at: c.r.pos, charge: c.current})
		c.charges = append(c.charges, charge{from: from, check: check})
	}
}

// does adds n to the function's work.
func (c *scanner) does(at, n int) {
	if c.work += n; c.work > c.w.cfg.Limits.Work {
		c.r.fail(at, "more than %d instructions and values moved in one function: at most that", c.w.cfg.Limits.Work)
	}
}

// splits adds one to the function's blocks and bounds what they mean for a compiler.
func (c *scanner) splits(at int) {
	c.blocks++
	if n, limit := c.complexity(), c.w.cfg.Limits.Complexity; n > limit {
		c.r.fail(at, "complexity %d of %d blocks and branches, %d loops, %d locals: at most %d",
			n, c.blocks, c.loops, c.locals, limit)
	}
}

func (c *scanner) complexity() int { return (c.blocks + 16*c.loops) * (c.blocks + 16*c.locals) }

func (c *scanner) enter(at int, op byte) {
	if op == opLoop {
		c.loops++
		c.open++
		if limit := c.w.cfg.Limits.Loops; c.open > limit {
			c.r.fail(at, "loop %d deep: at most %d", c.open, limit)
		}
	}
	c.splits(at)
	sig := c.blockType()
	c.does(at, sig.params+sig.results)
	if limit := c.w.cfg.Limits.Nesting; len(c.frames) >= limit {
		c.r.fail(at, "block %d deep: at most %d", len(c.frames)+1, limit)
	}
	if op == opIf {
		c.pay(costSimple)
	}
	c.frames = append(c.frames, frame{op: op, charge: c.current, out: len(c.frames), sig: sig})
	if op != opBlock {
		c.begin(c.current, op == opLoop)
	}
}

func (c *scanner) blockType() signature {
	at := c.r.pos
	v := c.r.signed(33, "block type")
	switch {
	case v >= 0 && v < int64(len(c.w.types)):
		return c.w.types[v]
	case v == -0x40:
		return signature{}
	case v < 0 && v > -0x40 && valueType(byte(v&0x7f)):
		return signature{results: 1}
	}
	c.r.fail(at, "block type %d: accepted a type index below %d, -64, or a value type", v, len(c.w.types))
	return signature{}
}

func (c *scanner) otherwise(at int) {
	f := &c.frames[len(c.frames)-1]
	if f.op != opIf {
		c.r.fail(at, "else: its block is not an if")
		return
	}
	c.splits(at)
	f.op = opElse
	c.begin(f.charge, false)
}

// leave closes the innermost block. What follows runs as often as the block is entered, unless
// a branch inside can go beyond its end: then it needs a charge of its own.
func (c *scanner) leave() {
	top := len(c.frames) - 1
	f := c.frames[top]
	c.frames = c.frames[:top]
	if top == 0 {
		return
	}
	if f.op == opLoop {
		c.open--
	}
	c.frames[top-1].out = min(c.frames[top-1].out, f.out)
	if f.out < top {
		c.begin(f.charge, false)
		return
	}
	c.current = f.charge
}

// branch pays for br, br_if or br_table and follows its labels.
func (c *scanner) branch(at int, op byte) {
	c.pay(costSimple)
	n := 0
	if op == opBrTable {
		c.pay(costSimple)
		n = c.r.count("labels", c.w.cfg.Limits.Targets)
	}
	for i := 0; i <= n && c.r.ok(); i++ {
		label := int(c.r.index("label", len(c.frames)))
		if !c.r.ok() {
			return
		}
		target := len(c.frames) - 1 - label
		c.does(at, 1+c.frames[target].label())
		if c.current != dead {
			c.escape(target)
		}
	}
	if op == opBrTable {
		c.blocks += n / 8
	}
	c.splits(at)
	if op == opBrIf {
		c.begin(c.current, false)
		return
	}
	c.current = dead
}

// escape notes that control may go from here to the frame target.
func (c *scanner) escape(target int) {
	f := &c.frames[len(c.frames)-1]
	f.out = min(f.out, target)
}

// call pays for a call; the callee pays for itself.
func (c *scanner) call(at int, op byte) {
	w, cost := c.w, uint32(costCall)
	if c.current != dead {
		c.calls = true
		c.edits = append(c.edits, edit{at: at, kind: addDepth})
	}
	var t uint32
	if op == opCallIndirect {
		cost = costIndirect
		t = c.r.index("type", len(w.types))
		c.r.index("table", w.tables)
	} else if f := c.r.index("function", len(w.funcs)); c.r.ok() {
		t = w.funcs[f]
		if int(f) < len(w.info.Imports) {
			cost = costHost
		}
	}
	c.pay(cost)
	if c.r.ok() {
		c.does(at, w.types[t].params+w.types[t].results)
	}
}

// simple pays for an instruction that continues with the next.
func (c *scanner) simple(at int, op byte) {
	kind, cost, length := plain(op)
	name, number := "opcode", uint32(op)
	switch op {
	case opMisc:
		name, number = "opcode 0xfc", c.r.u32("misc opcode")
		kind, cost, length = misc(number)
	case opVector:
		name, number = "opcode 0xfd", c.r.u32("vector opcode")
		kind, cost = vector(number)
	}
	if kind == immUnknown {
		c.r.fail(at, "%s %#x: %s", name, number, refusal(op))
		return
	}
	if op == opMisc && c.r.pos-at != 2 || op == opVector && c.r.pos-at != 2+int(number>>7) {
		c.r.fail(at, "%s %#x in %d bytes: accepted its shortest form", name, number, c.r.pos-at)
	}
	c.pay(cost)
	if length != lenNone {
		c.lengths = true
		c.loops++ // which is how a compiler sees it
		c.splits(at)
		c.edits = append(c.edits, edit{at: at, kind: addLength, length: length})
	}
	c.operand(kind)
}

// operand reads what follows an opcode and checks each index that the rewriting could make valid.
func (c *scanner) operand(kind immediate) {
	r, w := c.r, c.w
	switch kind {
	case immLocal:
		r.index("local", c.locals)
	case immGlobal:
		r.index("global", w.globals)
	case immFunc:
		r.index("function", len(w.funcs))
	case immTable:
		r.index("table", w.tables)
	case immTables:
		r.index("table", w.tables)
		r.index("table", w.tables)
	case immElem, immData:
		r.u32("segment")
	case immElemTable:
		r.u32("segment")
		r.index("table", w.tables)
	case immDataZero:
		r.u32("segment")
		c.zero()
	case immZeros:
		c.zero()
		c.zero()
	case immZero:
		c.zero()
	case immMemarg, immMemargLane:
		r.index("alignment", 32)
		r.u32("offset")
		if kind == immMemargLane {
			r.byte("lane")
		}
	default:
		c.constant(kind)
	}
}

func (c *scanner) constant(kind immediate) {
	r := c.r
	switch kind {
	case immI32:
		r.signed(32, "i32.const")
	case immI64:
		r.signed(64, "i64.const")
	case immLane:
		r.byte("lane")
	case imm4:
		r.take(4, "f32.const")
	case imm8:
		r.take(8, "f64.const")
	case imm16:
		r.take(16, "vector constant")
	case immRef:
		r.reference()
	case immTypes:
		at := r.pos
		if n, t := r.byte("select types"), r.byte("value type"); n != 1 || !valueType(t) {
			r.fail(at, "select of %d types, first %#x: accepted 1 of 0x6f, 0x70, 0x7b…0x7f", n, t)
		}
	}
}

func (c *scanner) zero() {
	at := c.r.pos
	if z := c.r.byte("memory"); z != 0 {
		c.r.fail(at, "memory %d: accepted 0", z)
	}
}
