// Decimal numbers: exact integers of up to 1536 bits, then one rounding, so that what is read is
// the nearest double. The standard library's parseFloat is not exact.

const WORDS = 48;
const DIGITS = 40;

const w = memory.data(WORDS * 4, 4); // the least word first
let n = 0; // words in use; 0 is zero

function times(m: u32, plus: u32): void {
  let carry: u64 = plus;
  for (let i = 0; i < n; i++, carry >>= 32) {
    carry += u64(load<u32>(w + (i << 2))) * m;
    store<u32>(w + (i << 2), u32(carry));
  }
  if (carry) store<u32>(w + (n++ << 2), u32(carry));
}

// over divides and returns whether something was left.
function over(d: u32): bool {
  let rest: u64 = 0;
  for (let i = n - 1; i >= 0; i--) {
    rest = rest << 32 | load<u32>(w + (i << 2));
    store<u32>(w + (i << 2), u32(rest / d));
    rest %= d;
  }
  while (n && !load<u32>(w + ((n - 1) << 2))) n--;
  return rest != 0;
}

function power10(e: i32): u32 {
  let v: u32 = 1;
  for (; e > 0; e--) v *= 10;
  return v;
}

function left(bits: i32): void {
  const words = bits >> 5;
  memory.copy(w + (words << 2), w, n << 2);
  memory.fill(w, 0, words << 2);
  n += words;
  times(1 << (bits & 31), 0);
}

function bit(i: i32): u64 {
  return i >= 0 && i < n << 5 ? u64(load<u32>(w + (i >> 5 << 2)) >> (i & 31) & 1) : 0;
}

// nearest rounds the integer·2^x, of which rest says whether something smaller follows.
function nearest(x: i32, rest: bool): f64 {
  const bits = (n << 5) - i32(clz(load<u32>(w + ((n - 1) << 2))));
  const top = bits - 1 + x; // the exponent of the highest bit
  if (top > 1023) return NaN;
  const keep = top >= -1022 ? 53 : 53 + 1022 + top;
  if (keep < 0) return 0;
  const shift = bits - keep - 1; // the kept bits and the one behind
  let twice: u64 = 0;
  for (let i = keep; i >= 0; i--) twice = twice << 1 | bit(shift + i);
  for (let i = 0; i < shift && !rest; i++) rest = bit(i) != 0;
  let m = twice >> 1;
  m += u64((twice & 1) != 0 && (rest || (m & 1) != 0));
  const image = (top >= -1022 ? u64(top + 1022) << 52 : 0) + m;
  return image < u64(0x7ff) << 52 ? reinterpret<f64>(image) : NaN;
}

function slow(exp: i32, count: i32): f64 {
  if (exp + count > 310) return NaN;
  if (exp + count < -330) return 0;
  if (exp >= 0) {
    for (; exp > 0; exp -= 9) times(power10(min(exp, 9)), 0);
    return nearest(0, false);
  }
  const shift = (-exp * 10 / 3 + 128) & ~31;
  left(shift);
  let rest = false;
  for (exp = -exp; exp > 0; exp -= 9) rest = over(power10(min(exp, 9))) || rest;
  return nearest(-shift, rest);
}

/** A number of JSON's grammar; NaN is above the largest. */
export function parse(at: usize, end: usize): f64 {
  const minus = load<u8>(at) == 0x2d;
  if (minus) at++;
  n = 0;
  let m: u64 = 0, count = 0, exp = 0, point = 0, more = false;
  for (; at < end && (load<u8>(at) | 0x20) != 0x65; at++) {
    const c = load<u8>(at);
    if (c == 0x2e) {
      point = 1;
      continue;
    }
    const d: u32 = c - 0x30;
    exp -= point;
    if (!count && !d) continue;
    if (count == DIGITS) {
      more = more || d != 0;
      exp++;
      continue;
    }
    if (count < 19) m = 10 * m + d;
    if (!n) store<u32>(w + (n++ << 2), 0);
    times(10, d);
    count++;
  }
  exp += exponent(at + 1, end);
  if (more) { // something follows: more than the digits, less than one more in the last
    times(10, 1);
    exp--;
    count++;
  }
  let u: f64 = 0;
  if (count) {
    if (count <= 19 && m < 1 << 53 && exp >= -22 && exp <= 22) u = exp < 0 ? f64(m) / exact10(-exp) : f64(m) * exact10(exp);
    else u = slow(exp, count);
  }
  return minus ? -u : u;
}

// exact10 is 10^e, 0 <= e <= 22, which a double has exactly.
function exact10(e: i32): f64 {
  let v: f64 = 1;
  for (; e > 0; e--) v *= 10;
  return v;
}

function exponent(at: usize, end: usize): i32 {
  if (at >= end) return 0;
  const minus = load<u8>(at) == 0x2d;
  let e = 0;
  for (; at < end; at++) {
    const d = load<u8>(at) - 0x30;
    if (d <= 9 && e < 100000000) e = 10 * e + d;
  }
  return minus ? -e : e;
}
