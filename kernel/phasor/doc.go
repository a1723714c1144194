// Package phasor holds text, numbers and tool calls as vectors of phases.
//
// A word is an atom: D phases that a keyed generator draws from its name, so that two words are as good as
// independent and nobody without the key can make a word that resembles another. Atoms are bound by adding
// phases, put in order by shifting them, and bundled by adding phasors. One similarity reads all of it,
//
//	s = <a,b>/D,   E s = 0, var Re s = 1/(2D) for independent atoms,
//
// and the laws of package evidence hold for it with D in the place of the number of samples. A bundle of M
// items tells members from others at half a member's weight with an error alpha as long as D/M >=
// DimsPerItem(alpha). Everything up to the last division is integer arithmetic: the order of additions and
// merges changes no bit, on any machine. Source: KERNEL.md 3.
//
// What it gives is lexical familiarity. It is a score of how much of one text occurs in another, it is no
// reading of intent and no boundary against somebody who chooses words well.
//
// # Quantities
//
// A phase is a uint16 in turns·2^16. A phasor is read from a table of 2048 points with parts in units of
// 2^-12: its phase is off by at most 1/4096 turn, each part rounds by at most 2^-13, and neither has a
// bias over the circle. A weight is a multiple of 1/256 in [1/256, 256]. An Age is a position on a clock
// of forgetting in half-lives·2^16; the owner maps time and turns to it.
//
// # Rationale
//
// Why are complex sums kept and not their angles? Angles need 27 % more dimensions (8z²/π against 2z²).
//
// Why does a bundle let new items grow instead of letting old ones shrink? Shrinking rounds, and then the
// order of merges shows. An item of age a has the weight w·2^(a/half-life) for ever; a generation spans 12
// half-lives, the bundle keeps the present and the last one, and what falls out weighs less than 2^-12 of
// a new item. Sums of the same generation simply add.
//
// Why AES-CTR behind HMAC-SHA-256? HMAC makes the seed of an atom, AES-256 in counter mode expands it;
// expanding by SHA-256 takes five times as long, and a first-seen word is the slow case of absorbing.
package phasor
