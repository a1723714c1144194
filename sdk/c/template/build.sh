#!/bin/sh
# Builds plugin-name.wasm; needs clang and lld, 14 or newer (Debian: apt-get install clang lld).
set -eu
bo1=${BO1:-bo1}
exec "${CLANG:-clang}" --target=wasm32 -std=c11 -O2 -ffreestanding -fwrapv -nostdlib -mbulk-memory -Wall -Wextra \
	-Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -I"$bo1" -o "${1:-plugin-name.wasm}" ./*.c "$bo1"/*.c
