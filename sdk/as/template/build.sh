#!/bin/sh
# Builds plugin-name.wasm; needs AssemblyScript 0.28 (npm install).
set -eu
exec "${ASC:-node_modules/.bin/asc}" assembly/index.ts -O3 --noAssert --runtime minimal --use abort= -o "${1:-plugin-name.wasm}"
