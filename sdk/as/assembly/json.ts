// Reading: one pass holds a message to the grammar, later ones only look.

import { parse } from "./number";

const MAX_DEPTH = 64;

// The scanner stands at p of a text that ends at end. A guest has one thread.
let p: usize = 0;
let end: usize = 0;

// @ts-ignore: decorator
@inline function each(c: u64): u64 { return 0x0101010101010101 * c; }

// below has a high bit set if, and then at the first such byte, x has a byte less than c <= 128.
// @ts-ignore: decorator
@inline function below(x: u64, c: u64): u64 { return (x - each(c)) & ~x & each(0x80); }

// until returns the first quote, backslash or control character at or behind i: eight bytes at a
// time, because fuel is paid by the instruction.
function until(i: usize, end: usize): usize {
  if (i < end) {
    const c = load<u8>(i);
    if (c == 0x5c || c == 0x22) return i;
  }
  while (i + 8 <= end) {
    const x = load<u64>(i);
    if (below(x, 0x20) | below(x ^ each(0x22), 1) | below(x ^ each(0x5c), 1)) break;
    i += 8;
  }
  while (i < end) {
    const c = load<u8>(i);
    if (c == 0x22 || c == 0x5c || c < 0x20) break;
    i++;
  }
  return i;
}

// @ts-ignore: decorator
@inline function blank(c: u8): bool { return c == 0x20 || c == 0x0a || c == 0x09 || c == 0x0d; }

function space(): void {
  while (p < end && blank(load<u8>(p))) p++;
}

// @ts-ignore: decorator
@inline function one(c: u8): bool {
  if (p >= end || load<u8>(p) != c) return false;
  p++;
  return true;
}

function take(c: u8): bool {
  space();
  return one(c);
}

function digits(): bool {
  const start = p;
  while (p < end && load<u8>(p) - 0x30 <= 9) p++;
  return p > start;
}

function number(): bool {
  one(0x2d);
  if (!one(0x30) && !digits()) return false;
  if (one(0x2e) && !digits()) return false;
  if (!one(0x65) && !one(0x45)) return true;
  if (!one(0x2b)) one(0x2d);
  return digits();
}

function hex(c: u8): i32 {
  if (c - 0x30 <= 9) return c - 0x30;
  c |= 0x20;
  return c >= 0x61 && c <= 0x66 ? c - 0x61 + 10 : -1;
}

function escaped(): bool {
  if (p >= end) return false;
  const c = load<u8>(p++);
  if (c != 0x75) return c == 0x22 || c == 0x5c || c == 0x2f || c == 0x62 || c == 0x66 || c == 0x6e || c == 0x72 || c == 0x74;
  for (let i = 0; i < 4; i++) {
    if (p >= end || hex(load<u8>(p)) < 0) return false;
    p++;
  }
  return true;
}

function quoted(): bool {
  if (!take(0x22)) return false;
  while (true) {
    p = until(p, end);
    if (p >= end) return false;
    const c = load<u8>(p++);
    if (c == 0x22) return true;
    if (c != 0x5c || !escaped()) return false;
  }
}

function word(a: u32, n: usize): bool {
  if (p + n > end || load<u32>(p) != a || (n == 5 && load<u8>(p + 4) != 0x65)) return false;
  p += n;
  return true;
}

function value(depth: i32): bool {
  space();
  if (p >= end) return false;
  const c = load<u8>(p);
  if (c == 0x22) return quoted();
  if (c == 0x74) return word(0x65757274, 4); // true
  if (c == 0x66) return word(0x736c6166, 5); // false
  if (c == 0x6e) return word(0x6c6c756e, 4); // null
  if (c != 0x7b && c != 0x5b) return number();
  if (depth == MAX_DEPTH) return false;
  const close: u8 = c + 2;
  p++;
  if (take(close)) return true;
  do {
    if (c == 0x7b && (!quoted() || !take(0x3a))) return false;
    if (!value(depth + 1)) return false;
  } while (take(0x2c));
  return take(close);
}

// pass returns the end of the value at i of a text that value() has accepted.
function pass(i: usize, end: usize): usize {
  let open = 0;
  while (i < end) {
    const c = load<u8>(i);
    if (c == 0x22) {
      i = until(i + 1, end);
      while (i < end && load<u8>(i) == 0x5c) i = until(i + (load<u8>(i + 1) == 0x75 ? 6 : 2), end);
    } else if (c == 0x7b || c == 0x5b) {
      open++;
    } else if (c == 0x7d || c == 0x5d) {
      if (open == 0) break; // of what the value stands in
      open--;
    } else if (open > 0 || (c != 0x2c && !blank(c))) {
      i++;
      continue;
    } else break;
    i++;
    if (open == 0) break;
  }
  return i;
}

/** One JSON value of the message, whose grammar has been checked. null is never one: it is absence. */
export class Json {
  /** Its text stands at p and ends at end, until the call returns. */
  constructor(readonly p: usize, readonly end: usize) {}

  get isObject(): bool { return load<u8>(this.p) == 0x7b; }
  get isArray(): bool { return load<u8>(this.p) == 0x5b; }

  /** The last field of that name; null if there is none or this is no object. */
  get(name: string): Json | null {
    const f = this.fields();
    let found: Json | null = null;
    while (f.next()) if (f.is(name)) found = f.value;
    return found;
  }

  /** The fields of an object in their order; none if it is no object. */
  fields(): Cursor { return new Cursor(this, this.isObject); }

  /** The items of an array in their order; none if it is no array. */
  items(): Cursor { return new Cursor(this, this.isArray); }

  /** The text of a string, decoded; null if it is none. What is no UTF-8 becomes U+FFFD. */
  text(): string | null { return load<u8>(this.p) == 0x22 ? decode(this.p + 1, this.end - 1) : null; }

  /** Whether it is an integer in -2^63…2^63-1; 1.0 and 1e3 are none. */
  get isInt(): bool {
    const minus = load<u8>(this.p) == 0x2d;
    return natural(this.p + usize(minus), this.end) && (result <= u64(i64.MAX_VALUE) + u64(minus));
  }

  /** The integer that it is; 0 if it is none. */
  int(): i64 {
    if (!this.isInt) return 0;
    return load<u8>(this.p) == 0x2d ? i64(0 - result) : i64(result);
  }

  /** Whether it is an integer in 0…2^64-1. */
  get isUint(): bool { return natural(this.p, this.end); }

  /** The integer that it is; 0 if it is none. */
  uint(): u64 { return this.isUint ? result : 0; }

  /** A number, the nearest up to 40 digits; NaN if it is none or above the largest. */
  number(): f64 {
    const c = load<u8>(this.p);
    return c == 0x2d || c - 0x30 <= 9 ? parse(this.p, this.end) : NaN;
  }

  get isTrue(): bool { return load<u8>(this.p) == 0x74; }
  get isFalse(): bool { return load<u8>(this.p) == 0x66; }
}

/** Goes over fields or items. */
export class Cursor {
  private at: usize;
  private end: usize;
  private name: usize = 0;
  private nameEnd: usize = 0;
  private object: bool;
  /** Of the field or item; null for null. */
  value: Json | null = null;

  constructor(whole: Json, any: bool) {
    this.object = whole.isObject;
    this.end = whole.end - 1;
    this.at = any ? whole.p + 1 : this.end;
  }

  /** Moves to the next; false behind the last. */
  next(): bool {
    if (!this.skip(0)) return false;
    if (this.object) {
      this.name = this.at + 1;
      this.at = pass(this.at, this.end);
      this.nameEnd = this.at - 1;
      this.skip(0x3a);
    }
    const start = this.at;
    this.at = pass(start, this.end);
    this.value = load<u8>(start) == 0x6e ? null : new Json(start, this.at);
    this.skip(0x2c);
    return true;
  }

  private skip(c: u8): bool {
    while (this.at < this.end && (blank(load<u8>(this.at)) || load<u8>(this.at) == c)) this.at++;
    return this.at < this.end;
  }

  /** Whether the field has that name. */
  is(name: string): bool {
    const n = name.length;
    let i = 0;
    for (let at = this.name; at < this.nameEnd; at++, i++) {
      const c = load<u8>(at);
      if (c == 0x5c || c >= 0x80) return decode(this.name, this.nameEnd) == name;
      if (i >= n || name.charCodeAt(i) != c) return false;
    }
    return i == n;
  }
}

/** The message if it is one JSON object, nested at most 64 deep. */
export function message(at: usize, n: usize): Json | null {
  p = at;
  end = at + n;
  space();
  const start = p;
  if (p >= end || load<u8>(p) != 0x7b || !value(0)) return null;
  const last = p;
  space();
  return p == end ? new Json(start, last) : null;
}

let result: u64 = 0; // of natural

function natural(at: usize, end: usize): bool {
  if (at >= end) return false;
  let v: u64 = 0;
  for (; at < end; at++) {
    const d = load<u8>(at) - 0x30;
    if (d > 9 || v > (u64.MAX_VALUE - d) / 10) return false;
    v = v * 10 + d;
  }
  result = v;
  return true;
}

function hex4(i: usize): u32 {
  return hex(load<u8>(i)) << 12 | hex(load<u8>(i + 1)) << 8 | hex(load<u8>(i + 2)) << 4 | hex(load<u8>(i + 3));
}

function simple(c: u8): u16 {
  switch (c) {
    case 0x62: return 8;
    case 0x66: return 12;
    case 0x6e: return 10;
    case 0x72: return 13;
    case 0x74: return 9;
  }
  return c;
}

let size: usize = 0; // bytes of the character that rune has decoded

function rune(i: usize, end: usize): u32 {
  let c: u32 = load<u8>(i);
  size = 1;
  if (c < 0x80) return c;
  const n: usize = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
  if (n == 0 || end - i < n) return 0xfffd;
  c &= 0x7f >> u32(n);
  for (let k: usize = 1; k < n; k++) {
    const b: u32 = load<u8>(i + k);
    if ((b & 0xc0) != 0x80) return 0xfffd;
    c = c << 6 | (b & 0x3f);
  }
  if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (n == 4 && (c < 0x10000 || c > 0x10ffff))) return 0xfffd;
  size = n;
  return c;
}

let scratch: usize = 0;
let scratchSize: usize = 0;

function decode(i: usize, end: usize): string {
  const most = (end - i) << 1; // a byte is at most one unit of UTF-16
  if (most > scratchSize) {
    if (scratch) heap.free(scratch);
    scratchSize = most + 256;
    scratch = heap.alloc(scratchSize);
  }
  let to = scratch;
  while (i < end) {
    let c: u32 = load<u8>(i);
    if (c == 0x5c) {
      c = load<u8>(i + 1);
      if (c != 0x75) {
        store<u16>(to, simple(u8(c)));
        i += 2;
        to += 2;
        continue;
      }
      c = hex4(i + 2);
      i += 6;
      if ((c & 0xf800) == 0xd800) { // a surrogate, which needs its other half
        const low: u32 = c < 0xdc00 && end - i >= 6 && load<u16>(i) == 0x755c ? hex4(i + 2) : 0;
        if ((low & 0xfc00) == 0xdc00) {
          store<u16>(to, u16(c));
          to += 2;
          c = low;
          i += 6;
        } else c = 0xfffd;
      }
    } else {
      c = rune(i, end);
      i += size;
      if (c >= 0x10000) {
        c -= 0x10000;
        store<u16>(to, u16(0xd800 | c >> 10));
        to += 2;
        c = 0xdc00 | (c & 0x3ff);
      }
    }
    store<u16>(to, u16(c));
    to += 2;
  }
  const n = to - scratch;
  const s = __new(n, idof<string>());
  memory.copy(s, scratch, n);
  return changetype<string>(s);
}
