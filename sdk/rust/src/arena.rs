//! Room for one call: bytes that are taken one after another and all given back when the next
//! call begins. A guest has one thread, and pages come from memory.grow alone, so that a plugin
//! that uses std keeps its own allocator beside this one.

use core::cell::UnsafeCell;

struct Arena {
    start: usize, // of the region
    at: usize,    // the first free byte
    end: usize,
    starved: bool, // something had no room in this call
}

struct Single(UnsafeCell<Arena>);

// A WebAssembly guest of this ABI has one thread; natively the tests take turns, see call().
unsafe impl Sync for Single {}

static ARENA: Single = Single(UnsafeCell::new(Arena { start: 0, at: 0, end: 0, starved: false }));

fn arena() -> &'static mut Arena {
    // No function of this module calls another's code while it holds the arena.
    unsafe { &mut *ARENA.0.get() }
}

const PAGE: usize = 65536;

/// Returns the address of n fresh bytes, a multiple of PAGE; None: no memory.
#[cfg(target_arch = "wasm32")]
fn grow(n: usize) -> Option<usize> {
    let before = core::arch::wasm32::memory_grow(0, n / PAGE);
    if before == usize::MAX {
        return None;
    }
    Some(before * PAGE)
}

#[cfg(not(target_arch = "wasm32"))]
fn grow(n: usize) -> Option<usize> {
    Some(std::boxed::Box::leak(std::vec![0u8; n].into_boxed_slice()).as_mut_ptr() as usize)
}

impl Arena {
    /// Makes at + n <= end, by more pages behind the region or by a new region.
    fn reach(&mut self, n: usize) -> bool {
        if n <= self.end - self.at {
            return true;
        }
        if n > isize::MAX as usize - 2 * PAGE {
            return false;
        }
        let more = (n + PAGE) / PAGE * PAGE;
        let at = match grow(more) {
            Some(at) => at,
            None => return false,
        };
        if at != self.end {
            self.start = at;
            self.at = at;
        }
        self.end = at + more;
        true
    }
}

/// Gives everything back.
pub fn reset() {
    let a = arena();
    a.at = a.start;
    a.starved = false;
}

/// Whether something had no room since reset.
pub fn starved() -> bool {
    arena().starved
}

/// Notes that something had no room.
pub fn starve() {
    arena().starved = true;
}

/// Takes n bytes, zero or what an earlier call left. They are the caller's until reset.
pub fn take(n: usize) -> Option<*mut u8> {
    let a = arena();
    if !a.reach(n) {
        a.starved = true;
        return None;
    }
    let p = a.at;
    a.at += n;
    Some(p as *mut u8)
}

/// Gives back what behind p of the newest taking is not needed.
pub fn trim(p: *mut u8, n: usize) {
    arena().at = p as usize + n;
}
