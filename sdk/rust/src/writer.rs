//! Writing an answer.

use crate::{arena, number, Json};

/// One JSON text in the making. What has no room is noticed when the call returns.
pub struct Writer {
    p: *mut u8,
    n: usize,
    room: usize,
    comma: bool,
    failed: bool,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer { p: core::ptr::NonNull::dangling().as_ptr(), n: 0, room: 0, comma: false, failed: false }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        unsafe { core::slice::from_raw_parts(self.p, self.n) }
    }

    /// Whether a value was written that JSON cannot say.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    pub(crate) fn clear(&mut self) {
        self.n = 0;
        self.comma = false;
        self.failed = false;
    }

    #[inline(never)]
    fn enlarge(&mut self, n: usize) -> bool {
        let want = match self.n.checked_add(n).and_then(|sum| sum.checked_mul(2)) {
            Some(twice) => twice + 256,
            None => {
                arena::starve();
                return false;
            }
        };
        let to = match arena::take(want) {
            Some(to) => to,
            None => return false,
        };
        unsafe { core::ptr::copy_nonoverlapping(self.p, to, self.n) };
        self.p = to;
        self.room = want;
        true
    }

    #[inline(never)]
    pub(crate) fn put(&mut self, b: &[u8]) {
        if b.len() > self.room - self.n && !self.enlarge(b.len()) {
            return;
        }
        // room - n bytes behind n are this writer's.
        unsafe { core::ptr::copy_nonoverlapping(b.as_ptr(), self.p.add(self.n), b.len()) };
        self.n += b.len();
    }

    #[inline(never)]
    fn value(&mut self, b: &[u8]) {
        if self.comma {
            self.put(b",");
        }
        self.put(b);
        self.comma = true;
    }

    /// An object whose fields fields writes: key and one value in turn.
    pub fn object(&mut self, fields: impl FnOnce(&mut Writer)) {
        self.value(b"{");
        self.comma = false;
        fields(self);
        self.put(b"}");
        self.comma = true;
    }

    /// An array whose items items writes.
    pub fn array(&mut self, items: impl FnOnce(&mut Writer)) {
        self.value(b"[");
        self.comma = false;
        items(self);
        self.put(b"]");
        self.comma = true;
    }

    /// The name of the field whose value comes next.
    pub fn key(&mut self, name: &str) -> &mut Writer {
        self.text(name);
        self.put(b":");
        self.comma = false;
        self
    }

    /// A string.
    pub fn text(&mut self, s: &str) {
        self.text_of(&[s]);
    }

    /// A string made of parts.
    #[inline(never)]
    pub fn text_of(&mut self, parts: &[&str]) {
        self.value(b"\"");
        for part in parts {
            self.escape(part.as_bytes());
        }
        self.put(b"\"");
    }

    fn escape(&mut self, b: &[u8]) {
        let mut start = 0;
        for (i, &c) in b.iter().enumerate() {
            if c >= b' ' && c != b'"' && c != b'\\' {
                continue;
            }
            self.put(&b[start..i]);
            start = i + 1;
            match c {
                b'"' | b'\\' => self.put(&[b'\\', c]),
                b'\n' => self.put(b"\\n"),
                b'\t' => self.put(b"\\t"),
                _ => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    self.put(&[b'\\', b'u', b'0', b'0', HEX[(c >> 4 & 15) as usize], HEX[(c & 15) as usize]]);
                }
            }
        }
        self.put(&b[start..]);
    }

    /// An integer.
    pub fn int(&mut self, v: i64) {
        let mut b = [0; 21];
        let mut i = number::decimal(&mut b, v.unsigned_abs());
        if v < 0 {
            i -= 1;
            b[i] = b'-';
        }
        self.value(&b[i..]);
    }

    /// An integer.
    pub fn uint(&mut self, v: u64) {
        let mut b = [0; 20];
        let i = number::decimal(&mut b, v);
        self.value(&b[i..]);
    }

    /// A number that reads back as v. One that is not finite makes the answer an error.
    #[inline(never)]
    pub fn number(&mut self, v: f64) {
        self.value(if v.is_sign_negative() { b"-" } else { b"" });
        let v = if v < 0.0 { -v } else { v };
        if !v.is_finite() {
            self.failed = true;
            return;
        }
        if v == 0.0 {
            self.put(b"0");
            return;
        }
        let (n, k) = number::shortest(v);
        let mut b = [0; 20];
        let first = number::decimal(&mut b, n);
        let digits = &b[first..];
        if !(-5..=20).contains(&k) {
            self.put(&digits[..1]);
            if digits.len() > 1 {
                self.put(b".");
                self.put(&digits[1..]);
            }
            self.put(b"e");
            self.comma = false;
            self.int(k as i64);
        } else if k < 0 {
            self.put(&b"0.0000"[..(1 - k) as usize]);
            self.put(digits);
        } else {
            let whole = k as usize + 1;
            self.put(&digits[..digits.len().min(whole)]);
            self.put(&b"00000000000000000000"[..whole.saturating_sub(digits.len())]);
            if digits.len() > whole {
                self.put(b".");
                self.put(&digits[whole..]);
            }
        }
    }

    /// true or false.
    pub fn boolean(&mut self, v: bool) {
        self.value(if v { b"true" } else { b"false" });
    }

    /// A value of the message as it stands there; None is null.
    pub fn json(&mut self, v: Option<Json>) {
        self.value(v.map_or(b"null", |v| v.raw()));
    }

    /// The field "content" with one sentence for people, made of parts.
    pub fn content(&mut self, parts: &[&str]) {
        self.key("content").array(|w| {
            w.object(|w| {
                w.key("type").text("text");
                w.key("text").text_of(parts);
            })
        });
    }
}
