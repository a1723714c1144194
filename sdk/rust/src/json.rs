//! Reading: one pass holds a message to the grammar, later ones only look.

use crate::{arena, number};

const MAX_DEPTH: u32 = 64;

/// Bytes and a place in them.
pub(crate) struct Scan<'a> {
    b: &'a [u8],
    i: usize,
}

const fn each(c: u8) -> u64 {
    0x0101_0101_0101_0101 * c as u64
}

/// Has a high bit set if, and then at the first such byte, x has a byte less than c <= 128.
fn below(x: u64, c: u8) -> u64 {
    x.wrapping_sub(each(c)) & !x & each(0x80)
}

/// The first quote, backslash or control character at or behind i: eight bytes at a time, because
/// fuel is paid by the instruction.
fn until(b: &[u8], mut i: usize) -> usize {
    if i < b.len() && (b[i] == b'\\' || b[i] == b'"') {
        return i;
    }
    while b.len() - i >= 8 {
        let mut word = [0; 8];
        word.copy_from_slice(&b[i..i + 8]);
        let x = u64::from_le_bytes(word);
        if below(x, b' ') | below(x ^ each(b'"'), 1) | below(x ^ each(b'\\'), 1) != 0 {
            break;
        }
        i += 8;
    }
    while i < b.len() && b[i] != b'"' && b[i] != b'\\' && b[i] >= b' ' {
        i += 1;
    }
    i
}

impl<'a> Scan<'a> {
    fn peek(&self) -> u8 {
        if self.i < self.b.len() {
            self.b[self.i]
        } else {
            0
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.i += 1;
        }
    }

    fn one(&mut self, c: u8) -> bool {
        let is = self.i < self.b.len() && self.b[self.i] == c;
        self.i += is as usize;
        is
    }

    fn take(&mut self, c: u8) -> bool {
        self.space();
        self.one(c)
    }

    fn digits(&mut self) -> bool {
        let start = self.i;
        while self.peek().is_ascii_digit() {
            self.i += 1;
        }
        self.i > start
    }

    fn number(&mut self) -> bool {
        self.one(b'-');
        if !self.one(b'0') && !self.digits() {
            return false;
        }
        if self.one(b'.') && !self.digits() {
            return false;
        }
        if !self.one(b'e') && !self.one(b'E') {
            return true;
        }
        if !self.one(b'+') {
            self.one(b'-');
        }
        self.digits()
    }

    fn escaped(&mut self) -> bool {
        let c = self.peek();
        self.i += 1;
        if c != b'u' {
            return matches!(c, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't');
        }
        for _ in 0..4 {
            if !self.peek().is_ascii_hexdigit() {
                return false;
            }
            self.i += 1;
        }
        true
    }

    fn quoted(&mut self) -> bool {
        if !self.take(b'"') {
            return false;
        }
        loop {
            self.i = until(self.b, self.i);
            if self.one(b'"') {
                return true;
            }
            if !self.one(b'\\') || !self.escaped() {
                return false;
            }
        }
    }

    fn word(&mut self, w: &[u8]) -> bool {
        let is = self.b[self.i..].starts_with(w);
        self.i += if is { w.len() } else { 0 };
        is
    }

    #[inline(never)]
    fn value(&mut self, depth: u32) -> bool {
        self.space();
        let c = self.peek();
        match c {
            b'"' => return self.quoted(),
            b't' => return self.word(b"true"),
            b'f' => return self.word(b"false"),
            b'n' => return self.word(b"null"),
            b'{' | b'[' if depth < MAX_DEPTH => (),
            b'{' | b'[' => return false,
            _ => return self.number(),
        }
        let end = if c == b'{' { b'}' } else { b']' };
        self.i += 1;
        if self.take(end) {
            return true;
        }
        loop {
            if c == b'{' && (!self.quoted() || !self.take(b':')) {
                return false;
            }
            if !self.value(depth + 1) {
                return false;
            }
            if !self.take(b',') {
                return self.take(end);
            }
        }
    }

    /// Skips one value of a text that value() has accepted, and returns it; null is None.
    #[inline(never)]
    fn pass(&mut self) -> Option<Json<'a>> {
        self.space();
        let (b, start) = (self.b, self.i);
        let (mut i, mut open) = (start, 0u32);
        while i < b.len() {
            match b[i] {
                b'"' => {
                    i = until(b, i + 1);
                    while i < b.len() && b[i] == b'\\' {
                        i += if b[i + 1] == b'u' { 6 } else { 2 };
                        i = until(b, i);
                    }
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' if open == 0 => break, // of what the value stands in
                b'}' | b']' => open -= 1,
                b',' | b' ' | b'\n' | b'\t' | b'\r' if open == 0 => break,
                _ => {
                    i += 1;
                    continue;
                }
            }
            i += 1;
            if open == 0 {
                break;
            }
        }
        self.i = i;
        if i == start || b[start] == b'n' {
            return None;
        }
        Some(Json(&b[start..i]))
    }
}

/// One JSON value of the message, whose grammar has been checked. null is never one: it is absence.
#[derive(Clone, Copy)]
pub struct Json<'a>(&'a [u8]);

/// The message if it is one JSON object, nested at most 64 deep.
pub(crate) fn message(b: &[u8]) -> Option<Json<'_>> {
    let mut s = Scan { b, i: 0 };
    s.space();
    let start = s.i;
    if s.peek() != b'{' || !s.value(0) {
        return None;
    }
    let end = s.i;
    s.space();
    if s.i != b.len() {
        return None;
    }
    Some(Json(&b[start..end]))
}

impl<'a> Json<'a> {
    /// An object without fields.
    pub const EMPTY: Json<'static> = Json(b"{}");

    /// The text of the value as it stands in the message.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Whether the value is an object.
    pub fn is_object(self) -> bool {
        self.0[0] == b'{'
    }

    /// Whether the value is an array.
    pub fn is_array(self) -> bool {
        self.0[0] == b'['
    }

    fn inside(self) -> Scan<'a> {
        Scan { b: &self.0[..self.0.len() - 1], i: 1 }
    }

    /// The fields of an object in their order; none if it is no object.
    pub fn fields(self) -> Fields<'a> {
        Fields(if self.is_object() { self.inside() } else { Scan { b: &[], i: 0 } })
    }

    /// The items of an array in their order, None for null; none if it is no array.
    pub fn items(self) -> Items<'a> {
        Items(if self.is_array() { self.inside() } else { Scan { b: &[], i: 0 } })
    }

    /// The last field of that name.
    pub fn get(self, name: &str) -> Option<Json<'a>> {
        let mut found = None;
        for (n, v) in self.fields() {
            if n == name {
                found = v;
            }
        }
        found
    }

    /// The text of a string, decoded. What is no UTF-8 and halves of surrogates become U+FFFD.
    #[inline(never)]
    pub fn text(self) -> Option<&'a str> {
        if self.0[0] != b'"' {
            return None;
        }
        let b = &self.0[1..self.0.len() - 1];
        if !b.contains(&b'\\') {
            if let Ok(s) = core::str::from_utf8(b) {
                return Some(s);
            }
        }
        decode(b)
    }

    /// An integer in -2^63…2^63-1, exactly; 1.0 and 1e3 are none.
    pub fn int(self) -> Option<i64> {
        let minus = self.0[0] == b'-';
        let u = natural(&self.0[minus as usize..])?;
        if u > i64::MAX as u64 + minus as u64 {
            return None;
        }
        Some(if minus { (u as i64).wrapping_neg() } else { u as i64 })
    }

    /// An integer in 0…2^64-1, exactly.
    pub fn uint(self) -> Option<u64> {
        natural(self.0)
    }

    /// A number, the nearest up to 40 digits; None also for one above the largest.
    pub fn number(self) -> Option<f64> {
        match self.0[0] {
            b'-' | b'0'..=b'9' => number::parse(self.0),
            _ => None,
        }
    }

    /// true or false.
    pub fn boolean(self) -> Option<bool> {
        match self.0[0] {
            b't' => Some(true),
            b'f' => Some(false),
            _ => None,
        }
    }
}

#[inline(never)]
fn natural(b: &[u8]) -> Option<u64> {
    let mut v = 0u64;
    for &c in b {
        if !c.is_ascii_digit() {
            return None;
        }
        v = v.checked_mul(10)?.checked_add((c - b'0') as u64)?;
    }
    if b.is_empty() {
        None
    } else {
        Some(v)
    }
}

/// See [`Json::fields`].
pub struct Fields<'a>(Scan<'a>);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Option<Json<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        let s = &mut self.0;
        s.space();
        if s.peek() != b'"' {
            return None;
        }
        let name = s.pass()?.text()?;
        s.take(b':');
        let v = s.pass();
        s.take(b',');
        Some((name, v))
    }
}

/// See [`Json::items`].
pub struct Items<'a>(Scan<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Option<Json<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let s = &mut self.0;
        s.space();
        if s.i >= s.b.len() {
            return None;
        }
        let v = s.pass();
        s.take(b',');
        Some(v)
    }
}

fn hex4(b: &[u8]) -> u32 {
    let mut v = 0;
    for &c in &b[..4] {
        let d = if c <= b'9' { c - b'0' } else { (c | 0x20) - b'a' + 10 };
        v = v << 4 | d as u32;
    }
    v
}

/// Decodes what follows a backslash; also returns how many bytes that was.
fn escape(b: &[u8]) -> (u32, usize) {
    let simple = match b[0] {
        b'b' => 8,
        b'f' => 12,
        b'n' => 10,
        b'r' => 13,
        b't' => 9,
        b'u' => 0,
        c => c as u32,
    };
    if simple != 0 {
        return (simple, 1);
    }
    let v = hex4(&b[1..]);
    if !(0xd800..0xe000).contains(&v) {
        return (v, 5);
    }
    if v < 0xdc00 && b.len() >= 11 && b[5] == b'\\' && b[6] == b'u' {
        let low = hex4(&b[7..]);
        if (0xdc00..0xe000).contains(&low) {
            return (0x10000 + ((v - 0xd800) << 10 | (low - 0xdc00)), 11);
        }
    }
    (0xfffd, 5)
}

/// How many bytes at the front are one character, or 0.
fn character(b: &[u8]) -> usize {
    let n = match b[0] {
        0..=0x7f => return 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return 0,
    };
    if b.len() >= n && core::str::from_utf8(&b[..n]).is_ok() {
        n
    } else {
        0
    }
}

#[inline(never)]
fn decode<'a>(b: &[u8]) -> Option<&'a str> {
    let most = b.len().checked_mul(3)?; // a byte that is no UTF-8 becomes three
    let p = arena::take(most)?;
    // The bytes are this function's until it returns them, and the message's lifetime ends before
    // the arena's next reset.
    let dst: &'a mut [u8] = unsafe { core::slice::from_raw_parts_mut(p, most) };
    let (mut i, mut n) = (0, 0);
    while i < b.len() {
        if b[i] == b'\\' {
            let (c, size) = escape(&b[i + 1..]);
            i += 1 + size;
            let c = char::from_u32(c).unwrap_or('\u{fffd}');
            n += c.encode_utf8(&mut dst[n..]).len();
            continue;
        }
        let size = character(&b[i..]);
        if size == 0 {
            n += '\u{fffd}'.encode_utf8(&mut dst[n..]).len();
            i += 1;
            continue;
        }
        dst[n..n + size].copy_from_slice(&b[i..i + size]);
        i += size;
        n += size;
    }
    arena::trim(p, n);
    // Each piece that was written is one character.
    Some(unsafe { core::str::from_utf8_unchecked(&dst[..n]) })
}
