/**
 * What the author of a plugin in AssemblyScript imports. plugins/ABI.md is the specification.
 *
 *   import { Act, Writer, actions } from "bo1";
 *   export { bo1_alloc, bo1_call } from "bo1";
 *
 *   actions(`{"kind":"action","name":"voice",…}`, (call: Act, out: Writer): void => { … });
 *
 * The clock is call.timeNs, the only entropy call.seed. Values of the message stay until the call
 * returns; strings are the plugin's own.
 */

import { Json, message } from "./json";
import { Writer, finish } from "./writer";

export { Cursor, Json } from "./json";
export { Writer } from "./writer";

/** One call of an action that has collapsed. */
export class Act {
  action: string = "";
  /** An object that satisfies the action's schema; null: without fields. */
  arguments: Json | null = null;
  /** Empty: proposed by the kernel itself. */
  session: string = "";
  /** The node's clock, Unix nanoseconds; the plugin's only time. */
  timeNs: i64 = 0;
  /** The plugin's only entropy. */
  seed: u64 = 0;
  /** An object as plugins/ABI.md 4.2 has it: the field that the call belongs to, if any. */
  state: Json | null = null;
  /** What the host adds. */
  context: Json | null = null;

  /** The argument of that name, or null. */
  argument(name: string): Json | null {
    const a = this.arguments;
    return a ? a.get(name) : null;
  }
}

/** A batch of records of the witness log. */
export class Observe {
  /** An array of {index, level, type, at, data}. */
  constructor(readonly records: Json) {}
}

/** Raw input on a channel. */
export class Sense {
  channel: string = "";
  /** The input's own time, Unix nanoseconds. */
  timeNs: i64 = 0;
  /** The plugin's only entropy. */
  seed: u64 = 0;
  /** Empty: text. */
  mimeType: string = "";
  text: string = "";
  /** base64, standard alphabet, padded. */
  data: string = "";
}

let description: string = "";
let onAct: ((call: Act, out: Writer) => void) | null = null;
let onObserve: ((batch: Observe, out: Writer) => void) | null = null;
let onSense: ((input: Sense, out: Writer) => void) | null = null;

/** Makes this program an action plugin; about is the answer to operation 0, a JSON object. */
export function actions(about: string, act: (call: Act, out: Writer) => void): void {
  description = about;
  onAct = act;
}

/** Makes this program an observer plugin. */
export function observer(about: string, observe: (batch: Observe, out: Writer) => void): void {
  description = about;
  onObserve = observe;
}

/** Makes this program an input plugin. */
export function input(about: string, sense: (input: Sense, out: Writer) => void): void {
  description = about;
  onSense = sense;
}

let fault = ""; // the first field of a message that is not of its type

function text(field: string, v: Json | null): string {
  if (!v) return "";
  const s = v.text();
  if (s === null) fault = field + ": want a string";
  return s === null ? "" : s;
}

function int(field: string, v: Json | null): i64 {
  if (!v) return 0;
  if (!v.isInt) fault = field + ": want an integer in -2^63…2^63-1";
  return v.int();
}

function uint(field: string, v: Json | null): u64 {
  if (!v) return 0;
  if (!v.isUint) fault = field + ": want an integer in 0…2^64-1";
  return v.uint();
}

function object(field: string, v: Json | null): Json | null {
  if (v && !v.isObject) fault = field + ": want an object";
  return v;
}

function readAct(m: Json): Act {
  const a = new Act();
  const f = m.fields();
  while (f.next()) {
    const v = f.value;
    if (f.is("action")) a.action = text("action", v);
    else if (f.is("arguments")) a.arguments = object("arguments", v);
    else if (f.is("session")) a.session = text("session", v);
    else if (f.is("time_ns")) a.timeNs = int("time_ns", v);
    else if (f.is("seed")) a.seed = uint("seed", v);
    else if (f.is("state")) a.state = object("state", v);
    else if (f.is("context")) a.context = v;
  }
  return a;
}

function readSense(m: Json): Sense {
  const s = new Sense();
  const f = m.fields();
  while (f.next()) {
    const v = f.value;
    if (f.is("channel")) s.channel = text("channel", v);
    else if (f.is("time_ns")) s.timeNs = int("time_ns", v);
    else if (f.is("seed")) s.seed = uint("seed", v);
    else if (f.is("mimeType")) s.mimeType = text("mimeType", v);
    else if (f.is("text")) s.text = text("text", v);
    else if (f.is("data")) s.data = text("data", v);
  }
  return s;
}

function perform(op: u32, p: usize, n: usize, out: Writer): void {
  const act = onAct, observe = onObserve, sense = onSense;
  if (op == 0) {
    out.raw(description);
    return;
  }
  if (!((op == 1 && act) || (op == 2 && observe) || (op == 3 && sense))) {
    out.fail("unsupported", "operation: the plugin does not know it");
    return;
  }
  const m = message(p, n);
  if (!m) {
    out.fail("invalid", "message: want one JSON object, nested at most 64 deep");
    return;
  }
  fault = "";
  if (op == 1 && act) {
    const call = readAct(m);
    if (!fault.length) act(call, out);
  } else if (op == 2 && observe) {
    const records = m.get("records");
    if (records && records.isArray) observe(new Observe(records), out);
    else fault = "records: want an array";
  } else if (sense) {
    const given = readSense(m);
    if (!fault.length) sense(given, out);
  }
  if (fault.length) out.fail("invalid", fault);
}

let inbox: usize = 0;
let inboxSize: usize = 0;
let calls = 0;

/** For the host: room for a message. */
export function bo1_alloc(n: usize): usize {
  if (n > inboxSize) {
    if (inbox) heap.free(inbox);
    inboxSize = max<usize>(n, 1024);
    inbox = heap.alloc(inboxSize);
  }
  return inbox;
}

/** For the host: performs an operation. */
export function bo1_call(op: u32, p: usize, n: usize): u64 {
  // Nothing managed is on the stack here, which is when the collector may run.
  if ((++calls & 63) == 0 || n > 65536) __collect();
  const out = new Writer();
  out.begin(0);
  perform(op, p, n, out);
  finish(out);
  return out.packed();
}
