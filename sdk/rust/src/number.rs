//! Decimal and binary numbers: exact integers of up to 1536 bits, then one rounding. core's own
//! would cost 25 kB.

const WORDS: usize = 48;
const DIGITS: i32 = 40;

struct Big {
    w: [u32; WORDS], // the least first
    n: usize,        // words in use; 0 is zero
}

fn power10(e: i32) -> u32 {
    let mut v = 1;
    for _ in 0..e {
        v *= 10;
    }
    v
}

impl Big {
    #[inline(never)]
    fn times(&mut self, m: u32, plus: u32) {
        let mut carry = plus as u64;
        for w in &mut self.w[..self.n] {
            carry += *w as u64 * m as u64;
            *w = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.w[self.n] = carry as u32;
            self.n += 1;
        }
    }

    /// Divides and returns whether something was left.
    fn over(&mut self, d: u32) -> bool {
        let mut rest = 0u64;
        for w in self.w[..self.n].iter_mut().rev() {
            rest = rest << 32 | *w as u64;
            *w = (rest / d as u64) as u32;
            rest %= d as u64;
        }
        while self.n > 0 && self.w[self.n - 1] == 0 {
            self.n -= 1;
        }
        rest != 0
    }

    fn times10(&mut self, mut e: i32) {
        while e > 0 {
            self.times(power10(e.min(9)), 0);
            e -= 9;
        }
    }

    fn over10(&mut self, mut e: i32) -> bool {
        let mut rest = false;
        while e > 0 {
            rest |= self.over(power10(e.min(9)));
            e -= 9;
        }
        rest
    }

    fn left(&mut self, bits: u32) {
        let words = (bits / 32) as usize;
        self.w.copy_within(..self.n, words);
        for w in &mut self.w[..words] {
            *w = 0;
        }
        self.n += words;
        self.times(1 << (bits % 32), 0);
    }

    fn bits(&self) -> i32 {
        match self.n {
            0 => 0,
            n => 32 * n as i32 - self.w[n - 1].leading_zeros() as i32,
        }
    }

    fn bit(&self, i: i32) -> bool {
        i >= 0 && i < 32 * self.n as i32 && self.w[i as usize / 32] >> (i % 32) & 1 != 0
    }

    /// self >> shift, which fits 64 bits, and whether a bit was lost.
    #[inline(never)]
    fn high(&self, shift: i32, mut lost: bool) -> (u64, bool) {
        let mut v = 0;
        for i in (0..64).rev() {
            v = v << 1 | self.bit(shift + i) as u64;
        }
        let mut i = 0;
        while i < shift && !lost {
            lost = self.bit(i);
            i += 1;
        }
        (v, lost)
    }

    /// Rounds self·2^x, of which rest says whether something smaller follows, to a double > 0.
    #[inline(never)]
    fn nearest(&self, x: i32, rest: bool) -> Option<f64> {
        let top = self.bits() - 1 + x; // the exponent of the highest bit
        if top > 1023 {
            return None;
        }
        let keep = if top >= -1022 { 53 } else { 53 + 1022 + top };
        if keep < 0 {
            return Some(0.0);
        }
        let (twice, rest) = self.high(self.bits() - keep - 1, rest); // the kept bits and the one behind
        let m = half(twice, rest);
        let image = if top >= -1022 { ((top + 1022) as u64) << 52 } else { 0 } + m;
        if image >= 0x7ff << 52 {
            return None;
        }
        Some(f64::from_bits(image))
    }
}

/// Half of twice, to even where rest says that nothing follows.
fn half(twice: u64, rest: bool) -> u64 {
    let v = twice >> 1;
    v + (twice & 1 != 0 && (rest || v & 1 != 0)) as u64
}

const EXACT10: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A number of JSON's grammar; None is above the largest.
#[inline(never)]
pub fn parse(b: &[u8]) -> Option<f64> {
    let mut big = Big { w: [0; WORDS], n: 0 };
    let minus = b[0] == b'-';
    let (mut m, mut count, mut exp) = (0u64, 0, 0);
    let (mut point, mut more) = (0, false);
    let mut i = minus as usize;
    while i < b.len() && b[i] | 0x20 != b'e' {
        let c = b[i];
        i += 1;
        if c == b'.' {
            point = 1;
            continue;
        }
        let d = (c - b'0') as u32;
        exp -= point;
        if count == 0 && d == 0 {
            continue;
        }
        if count == DIGITS {
            more |= d != 0;
            exp += 1;
            continue;
        }
        if count < 19 {
            m = 10 * m + d as u64;
        }
        big.n = big.n.max(1);
        big.times(10, d);
        count += 1;
    }
    exp += exponent(&b[(i + 1).min(b.len())..]);
    if more {
        // something follows: more than the digits, less than one more in the last
        big.times(10, 1);
        exp -= 1;
        count += 1;
    }
    let u = if count == 0 {
        0.0
    } else if count <= 19 && m < 1 << 53 && (-22..=22).contains(&exp) {
        let power = EXACT10[(if exp < 0 { -exp } else { exp }) as usize];
        if exp < 0 {
            m as f64 / power
        } else {
            m as f64 * power
        }
    } else {
        slow(&mut big, exp, count)?
    };
    Some(if minus { -u } else { u })
}

fn exponent(b: &[u8]) -> i32 {
    let mut e = 0;
    for &c in b {
        if c.is_ascii_digit() && e < 100_000_000 {
            e = 10 * e + (c - b'0') as i32;
        }
    }
    if !b.is_empty() && b[0] == b'-' {
        -e
    } else {
        e
    }
}

fn slow(big: &mut Big, exp: i32, count: i32) -> Option<f64> {
    if exp + count > 310 {
        return None;
    }
    if exp + count < -330 {
        return Some(0.0);
    }
    if exp >= 0 {
        big.times10(exp);
        return big.nearest(0, false);
    }
    let shift = (-exp * 10 / 3 + 128) / 32 * 32;
    big.left(shift as u32);
    let rest = big.over10(-exp);
    big.nearest(-shift, rest)
}

/// Writes v's digits so that they end at the end of b, and returns where they begin.
pub fn decimal(b: &mut [u8], mut v: u64) -> usize {
    let mut i = b.len();
    loop {
        i -= 1;
        b[i] = b'0' + (v % 10) as u8;
        v /= 10;
        if v == 0 {
            return i;
        }
    }
}

/// m·2^x·10^s, which is less than 2^63, rounded to even.
#[inline(never)]
fn scaled(m: u64, x: i32, s: i32) -> u64 {
    let mut big = Big { w: [0; WORDS], n: 2 };
    big.w[0] = m as u32;
    big.w[1] = (m >> 32) as u32;
    if big.w[1] == 0 {
        big.n = 1;
    }
    big.times10(s);
    big.left(if x > 0 { x + 1 } else { 1 } as u32); // one bit more than asked for, to round by
    let rest = s < 0 && big.over10(-s);
    let (twice, rest) = big.high(if x < 0 { -x } else { 0 }, rest);
    half(twice, rest)
}

/// The fewest of 15 to 17 digits that read back as v, finite and > 0, and the first one's power.
#[inline(never)]
pub fn shortest(v: f64) -> (u64, i32) {
    let image = v.to_bits();
    let raw = (image >> 52) as i32;
    let m = image & ((1 << 52) - 1) | ((raw > 0) as u64) << 52;
    let x = raw.max(1) - 1075;
    let top = 63 - m.leading_zeros() as i32 + x;
    let guess = (top * 78913) >> 18; // the power of 10 in 2^top: that in v, or one less
    let (mut n, mut k) = (0, 0);
    for p in 15..=17 {
        k = guess;
        n = scaled(m, x, p - 1 - k);
        if n >= 10u64.pow(p as u32) {
            k += 1;
            n = scaled(m, x, p - 1 - k);
        }
        if back(n, k + 1 - p) == Some(v) {
            break;
        }
    }
    while n % 10 == 0 {
        n /= 10;
    }
    (n, k)
}

/// n·10^e as parse reads it.
fn back(n: u64, e: i32) -> Option<f64> {
    let mut big = Big { w: [0; WORDS], n: 2 };
    big.w[0] = n as u32;
    big.w[1] = (n >> 32) as u32;
    slow(&mut big, e, 17)
}
