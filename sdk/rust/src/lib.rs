//! What the author of a plugin in Rust needs: the ABI bo1, without dependencies and without std.
//! plugins/ABI.md is the specification.
//!
//! A plugin is one type:
//!
//! ```ignore
//! #![no_std]
//! use bo1::{Act, Error, Plugin, Writer};
//!
//! struct Voice;
//!
//! impl Plugin for Voice {
//!     const DESCRIPTION: &'static str = r#"{"kind":"action","name":"voice",…}"#;
//!     fn act(call: &Act, out: &mut Writer) -> Result<(), Error> {
//!         let text = call.arguments.get("text").and_then(|v| v.text()).ok_or(Error::invalid("text: want a string"))?;
//!         out.object(|w| w.content(&[text]));
//!         Ok(())
//!     }
//! }
//!
//! bo1::plugin!(Voice);
//! bo1::no_std!();
//! ```
//!
//! The clock is `call.time_ns`, the only entropy `call.seed`. Strings that a message spells with
//! escapes live in an arena that is emptied when the next call begins.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![deny(missing_docs)]

mod arena;
mod json;
mod number;
mod writer;

pub use json::{Fields, Items, Json};
pub use writer::Writer;

/// One call of an action that has collapsed.
pub struct Act<'a> {
    /// Which of the plugin's actions.
    pub action: &'a str,
    /// An object that satisfies the action's schema.
    pub arguments: Json<'a>,
    /// None: proposed by the kernel itself.
    pub session: Option<&'a str>,
    /// The node's clock, Unix nanoseconds; the plugin's only time.
    pub time_ns: i64,
    /// The plugin's only entropy.
    pub seed: u64,
    /// An object as plugins/ABI.md 4.2 has it: the field that the call belongs to, if any.
    pub state: Option<Json<'a>>,
    /// What the host adds.
    pub context: Option<Json<'a>>,
}

/// A batch of records of the witness log.
pub struct Observe<'a> {
    /// An array of {index, level, type, at, data}.
    pub records: Json<'a>,
}

/// Raw input on a channel.
pub struct Sense<'a> {
    /// Its name.
    pub channel: &'a str,
    /// The input's own time, Unix nanoseconds.
    pub time_ns: i64,
    /// The plugin's only entropy.
    pub seed: u64,
    /// None: text.
    pub mime_type: Option<&'a str>,
    /// The input if it is text.
    pub text: Option<&'a str>,
    /// The input otherwise: base64, standard alphabet, padded.
    pub data: Option<&'a str>,
}

/// A failure, as the caller reads it.
pub struct Error {
    /// For programs: lower case, words joined by _.
    pub code: &'static str,
    /// For a person: names the field and what is accepted.
    pub message: &'static str,
    /// Whether the same call may succeed later.
    pub retry: bool,
}

impl Error {
    /// The input is not what the operation needs.
    pub const fn invalid(message: &'static str) -> Error {
        Error { code: "invalid", message, retry: false }
    }

    /// The plugin has no such operation or action.
    pub const fn unsupported(message: &'static str) -> Error {
        Error { code: "unsupported", message, retry: false }
    }

    /// The plugin failed by its own fault.
    pub const fn internal(message: &'static str) -> Error {
        Error { code: "internal", message, retry: false }
    }
}

const UNKNOWN: Error = Error::unsupported("operation: the plugin does not know it");

/// What a plugin is and does: the description and the function of its kind. Each function writes
/// one JSON object; after an error what it wrote is dropped.
pub trait Plugin {
    /// The answer to operation 0, a JSON object.
    const DESCRIPTION: &'static str;

    /// Performs an action.
    fn act(_call: &Act, _out: &mut Writer) -> Result<(), Error> {
        Err(UNKNOWN)
    }

    /// Looks at a batch of records.
    fn observe(_batch: &Observe, _out: &mut Writer) -> Result<(), Error> {
        Err(UNKNOWN)
    }

    /// Turns raw input into samples.
    fn sense(_input: &Sense, _out: &mut Writer) -> Result<(), Error> {
        Err(UNKNOWN)
    }

    /// Whether operation op, 1 to 3, is one of the plugin's: by the kind that it describes.
    #[doc(hidden)]
    fn knows(op: u32) -> bool {
        let kind: &[u8] = match op {
            1 => b"\"kind\":\"action\"",
            2 => b"\"kind\":\"observer\"",
            3 => b"\"kind\":\"input\"",
            _ => return false,
        };
        Self::DESCRIPTION.as_bytes().windows(kind.len()).any(|w| w == kind)
    }
}

/// A field that may be absent but not of another type.
fn optional<'a, T>(v: Option<Json<'a>>, read: fn(Json<'a>) -> Option<T>, fault: &'static str) -> Result<Option<T>, Error> {
    match v {
        None => Ok(None),
        Some(v) => read(v).map(Some).ok_or(Error::invalid(fault)),
    }
}

fn object(v: Json) -> Option<Json> {
    Some(v).filter(|v| v.is_object())
}

const TIME: &str = "time_ns: want an integer in -2^63…2^63-1";
const SEED: &str = "seed: want an integer in 0…2^64-1";

fn act<'a>(m: Json<'a>) -> Result<Act<'a>, Error> {
    let mut a = Act { action: "", arguments: Json::EMPTY, session: None, time_ns: 0, seed: 0, state: None, context: None };
    for (name, v) in m.fields() {
        match name {
            "action" => a.action = optional(v, Json::text, "action: want a string")?.unwrap_or(""),
            "arguments" => a.arguments = optional(v, object, "arguments: want an object")?.unwrap_or(Json::EMPTY),
            "session" => a.session = optional(v, Json::text, "session: want a string")?,
            "time_ns" => a.time_ns = optional(v, Json::int, TIME)?.unwrap_or(0),
            "seed" => a.seed = optional(v, Json::uint, SEED)?.unwrap_or(0),
            "state" => a.state = optional(v, object, "state: want an object")?,
            "context" => a.context = v,
            _ => (),
        }
    }
    Ok(a)
}

fn observe<'a>(m: Json<'a>) -> Result<Observe<'a>, Error> {
    match m.get("records") {
        None => Err(Error::invalid("records: missing, want an array")),
        Some(records) if !records.is_array() => Err(Error::invalid("records: want an array")),
        Some(records) => Ok(Observe { records }),
    }
}

fn sense<'a>(m: Json<'a>) -> Result<Sense<'a>, Error> {
    Ok(Sense {
        channel: optional(m.get("channel"), Json::text, "channel: want a string")?.unwrap_or(""),
        time_ns: optional(m.get("time_ns"), Json::int, TIME)?.unwrap_or(0),
        seed: optional(m.get("seed"), Json::uint, SEED)?.unwrap_or(0),
        mime_type: optional(m.get("mimeType"), Json::text, "mimeType: want a string")?,
        text: optional(m.get("text"), Json::text, "text: want a string")?,
        data: optional(m.get("data"), Json::text, "data: want a string")?,
    })
}

fn perform<P: Plugin>(op: u32, b: &[u8], out: &mut Writer) -> Result<(), Error> {
    if op == 0 {
        out.put(P::DESCRIPTION.as_bytes());
        return Ok(());
    }
    if !P::knows(op) {
        return Err(UNKNOWN);
    }
    let m = json::message(b).ok_or(Error::invalid("message: want one JSON object, nested at most 64 deep"))?;
    match op {
        1 => P::act(&act(m)?, out),
        2 => P::observe(&observe(m)?, out),
        _ => P::sense(&sense(m)?, out),
    }
}

const NO_ROOM: &[u8] = b"\x01{\"code\":\"internal\",\"message\":\"answer: no memory left for it\"}";

/// The answer to one operation; it stays until the arena's next reset.
fn answer<P: Plugin>(op: u32, b: &[u8]) -> (*const u8, usize) {
    let mut out = Writer::new();
    out.put(&[0]);
    let mut done = perform::<P>(op, b, &mut out);
    if done.is_ok() && out.failed() {
        done = Err(Error::internal("number: not finite, which JSON cannot say"));
    }
    if let Err(e) = done {
        out.clear();
        out.put(&[1]);
        out.object(|w| {
            w.key("code").text(e.code);
            w.key("message").text(e.message);
            if e.retry {
                w.key("retry").boolean(true);
            }
        });
    }
    if arena::starved() {
        return (NO_ROOM.as_ptr(), NO_ROOM.len());
    }
    (out.bytes().as_ptr(), out.bytes().len())
}

/// What bo1_alloc does. Use [`plugin!`].
#[doc(hidden)]
pub fn __alloc(n: usize) -> *mut u8 {
    arena::reset();
    match arena::take(n) {
        Some(p) => p,
        None => panic!(), // a trap: the host knows that it gave no memory, and says so
    }
}

/// What bo1_call does. Use [`plugin!`].
///
/// # Safety
/// p and n are what the host wrote into the bytes of the latest __alloc, or n is 0.
#[doc(hidden)]
pub unsafe fn __call<P: Plugin>(op: u32, p: *const u8, n: usize) -> u64 {
    if n == 0 {
        arena::reset();
    }
    let b: &[u8] = if n == 0 { &[] } else { core::slice::from_raw_parts(p, n) };
    let (p, n) = answer::<P>(op, b);
    (p as usize as u64) << 32 | n as u64
}

/// Exports a type that is a [`Plugin`]. Once in a program.
#[macro_export]
macro_rules! plugin {
    ($p:ty) => {
        #[no_mangle]
        pub extern "C" fn bo1_alloc(n: usize) -> *mut u8 {
            $crate::__alloc(n)
        }

        /// # Safety
        /// The host calls it, as the ABI says.
        #[no_mangle]
        pub unsafe extern "C" fn bo1_call(op: u32, p: *const u8, n: usize) -> u64 {
            $crate::__call::<$p>(op, p, n)
        }
    };
}

/// What a program without std must have: a panic is a trap.
#[macro_export]
macro_rules! no_std {
    () => {
        #[cfg(target_arch = "wasm32")]
        #[panic_handler]
        fn panic(_: &core::panic::PanicInfo) -> ! {
            core::arch::wasm32::unreachable()
        }
    };
}

/// The answer to one operation in a native build, status byte first: for a plugin's own tests.
#[cfg(not(target_arch = "wasm32"))]
pub fn call<P: Plugin>(op: u32, message: &[u8]) -> Vec<u8> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    arena::reset();
    let (p, n) = answer::<P>(op, message);
    unsafe { core::slice::from_raw_parts(p, n) }.to_vec()
}
