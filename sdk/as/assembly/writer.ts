import { Json } from "./json";

// One buffer for all answers: it stays until the next call.
let buffer: usize = 0;
let room: usize = 0;
let length: usize = 0;

function grow(n: usize): void {
  const want = (length + n) * 2 + 1024;
  buffer = room ? heap.realloc(buffer, want) : heap.alloc(want);
  room = want;
}

// @ts-ignore: decorator
@inline function need(n: usize): usize {
  if (room - length < n) grow(n);
  return buffer + length;
}

function put(c: u8): void {
  store<u8>(need(1), c);
  length++;
}

function plain(s: string): void {
  const n = s.length;
  const to = need(n);
  for (let i = 0; i < n; i++) store<u8>(to + i, u8(s.charCodeAt(i)));
  length += n;
}

function bytes(p: usize, n: usize): void {
  memory.copy(need(n), p, n);
  length += n;
}

// utf8 stores one character and returns how many bytes that was.
function utf8(to: usize, c: u32): usize {
  const n: usize = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (let i = n - 1; i > 0; i--, c >>= 6) store<u8>(to + i, u8(0x80 | (c & 0x3f)));
  store<u8>(to, u8(0xf00 >> u32(n) | c));
  return n;
}

// @ts-ignore: decorator
@inline function digit(v: u32): u8 { return u8(v < 10 ? 0x30 + v : 0x61 - 10 + v); }

function quoted(s: string): void {
  const n = s.length;
  let to = need(n * 6 + 2);
  store<u8>(to++, 0x22);
  for (let i = 0; i < n; i++) {
    let c: u32 = s.charCodeAt(i);
    if (c >= 0x80) {
      if ((c & 0xf800) == 0xd800) { // a surrogate, which needs its other half
        const low: u32 = c < 0xdc00 && i + 1 < n ? s.charCodeAt(i + 1) : 0;
        if ((low & 0xfc00) == 0xdc00) {
          c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
          i++;
        } else c = 0xfffd;
      }
      to += utf8(to, c);
    } else if (c == 0x22 || c == 0x5c) {
      store<u16>(to, u16(c << 8 | 0x5c));
      to += 2;
    } else if (c >= 0x20) {
      store<u8>(to++, u8(c));
    } else {
      store<u32>(to, 0x3030755c); // \u00
      store<u8>(to + 4, digit(c >> 4));
      store<u8>(to + 5, digit(c & 15));
      to += 6;
    }
  }
  store<u8>(to++, 0x22);
  length = to - buffer;
}

/** An answer in the making: one JSON text. */
export class Writer {
  private comma: bool = false;
  /** Whether fail was called. */
  failed: bool = false;

  /** Begins an answer with its status. Not for plugins. */
  begin(status: u8): void {
    length = 0;
    put(status);
    this.comma = false;
  }

  /** The answer as bo1_call returns it. Not for plugins. */
  packed(): u64 { return u64(buffer) << 32 | length; }

  /** Text as it stands, plain ASCII. Not for plugins. */
  raw(s: string): void { plain(s); }

  private sep(): void {
    if (this.comma) put(0x2c);
    this.comma = true;
  }

  private open(c: u8): void {
    this.sep();
    put(c);
    this.comma = false;
  }

  private close(c: u8): void {
    put(c);
    this.comma = true;
  }

  /** Begins an object: key and one value in turn, then endObject. */
  object(): void { this.open(0x7b); }
  endObject(): void { this.close(0x7d); }

  /** Begins an array: values, then endArray. */
  array(): void { this.open(0x5b); }
  endArray(): void { this.close(0x5d); }

  /** The name of the field whose value comes next: plain ASCII without quotes. */
  key(name: string): void {
    this.sep();
    put(0x22);
    plain(name);
    put(0x22);
    put(0x3a);
    this.comma = false;
  }

  text(s: string): void {
    this.sep();
    quoted(s);
  }

  int(v: i64): void {
    this.sep();
    if (v < 0) put(0x2d);
    this.decimal(v < 0 ? 0 - u64(v) : u64(v));
  }

  uint(v: u64): void {
    this.sep();
    this.decimal(v);
  }

  private decimal(v: u64): void {
    let n = 1;
    for (let rest = v / 10; rest; rest /= 10) n++;
    const to = need(n);
    for (let i = n - 1; i >= 0; i--, v /= 10) store<u8>(to + i, u8(0x30 + v % 10));
    length += n;
  }

  /** A number that reads back as v. One that is not finite makes the answer an error. */
  number(v: f64): void {
    if (!isFinite(v)) {
      this.fail("internal", "number: not finite, which JSON cannot say");
      return;
    }
    this.sep();
    if (v == Math.floor(v) && Math.abs(v) < 9007199254740992) {
      if (1 / v < 0) put(0x2d); // -0 too
      this.decimal(u64(Math.abs(v)));
    } else plain(v.toString());
  }

  boolean(v: bool): void {
    this.sep();
    plain(v ? "true" : "false");
  }

  /** A value of the message as it stands there. */
  json(v: Json | null): void {
    this.sep();
    if (v) bytes(v.p, v.end - v.p);
    else plain("null");
  }

  /** The field "content" with one sentence for people. */
  content(text: string): void {
    this.key("content");
    this.array();
    this.object();
    this.key("type");
    this.text("text");
    this.key("text");
    this.text(text);
    this.endObject();
    this.endArray();
  }

  /**
   * Makes the answer an error, whatever was or will be written: code is lower case with _, message
   * names the field and what is accepted. retry: the same call may succeed later.
   */
  fail(code: string, message: string, retry: bool = false): void {
    if (this.failed) return; // the first fault is the cause
    this.failed = true;
    error = new Fault(code, message, retry);
  }
}

class Fault {
  constructor(readonly code: string, readonly message: string, readonly retry: bool) {}
}

let error: Fault | null = null;

/** Writes the error that fail has noted. Not for plugins. */
export function finish(out: Writer): void {
  const e = error;
  if (!out.failed || !e) return;
  out.begin(1);
  out.object();
  out.key("code");
  out.text(e.code);
  out.key("message");
  out.text(e.message);
  if (e.retry) {
    out.key("retry");
    out.boolean(true);
  }
  out.endObject();
  error = null;
}
