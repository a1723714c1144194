#!/bin/sh
# Builds plugin-name.wasm; needs rustc 1.63 or newer with the target wasm32-unknown-unknown
# (Debian: apt-get install rustc libstd-rust-dev-wasm32 lld; rustup target add wasm32-unknown-unknown).
set -eu
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags="--edition 2018 --target wasm32-unknown-unknown -C opt-level=2 -C panic=abort -C codegen-units=1 -C target-feature=+bulk-memory"
# shellcheck disable=SC2086
"${RUSTC:-rustc}" $flags --crate-type rlib --crate-name bo1 --remap-path-prefix "${BO1:-bo1}=bo1" --out-dir "$out" "${BO1:-bo1}/src/lib.rs"
# shellcheck disable=SC2086
"${RUSTC:-rustc}" $flags --crate-type cdylib --crate-name plugin -C lto=fat -C strip=symbols -C link-arg=-zstack-size=65536 --extern "bo1=$out/libbo1.rlib" -o "${1:-plugin-name.wasm}" src/lib.rs
