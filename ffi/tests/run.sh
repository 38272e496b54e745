#!/bin/sh
# C tests under the sanitizers: unit tests, then the fuzz target, by libFuzzer where clang is, else with its own inputs.
# Prints a line "ok …" or "not ok …" for each. Usage: ffi/tests/run.sh OUT_DIR [FUZZ_SECONDS]
set -eu
cd "$(dirname "$0")/../.."
out=$1
seconds=${2:-10}
objects=$out/objects
mkdir -p "$objects"

flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Iffi/include -fno-sanitize-recover=all"
strict="-Wall -Wextra -Werror -fsanitize=address,undefined"

# main.c holds the only main; everything else is library code, compiled once.
rm -f "$objects"/*.o
for source in ffi/init/*.c ffi/monitor/*.c; do
	[ "$source" = ffi/monitor/main.c ] && continue
	# shellcheck disable=SC2086 # lists of flags
	gcc $flags $strict -c "$source" -o "$objects/$(echo "$source" | tr / _).o"
done

for source in ffi/tests/*_test.c; do
	name=$(basename "$source" .c)
	# shellcheck disable=SC2086
	gcc $flags $strict "$source" "$objects"/*.o -o "$out/$name"
	"$out/$name"
done

# shellcheck disable=SC2086
gcc $flags $strict -DFUZZ_SMOKE ffi/tests/fuzz_wire.c "$objects"/*.o -o "$out/fuzz_smoke"
"$out/fuzz_smoke"

if ! command -v clang >/dev/null; then
	echo "fuzz_wire: skipped, no clang"
	exit 0
fi
# Only the parsers: coverage of the rest would be noise to the fuzzer.
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined ffi/tests/fuzz_wire.c ffi/init/reader.c ffi/init/failure.c \
	ffi/init/plan-reader.c ffi/monitor/protocol-reader.c -o "$out/fuzz_wire"
mkdir -p "$out/corpus"
if "$out/fuzz_wire" -max_total_time="$seconds" -max_len=8192 -artifact_prefix="$out/" \
	"$out/corpus" ffi/tests/corpus >"$out/fuzz_wire.log" 2>&1; then
	echo "ok fuzz_wire ($seconds s)"
else
	tail -n 40 "$out/fuzz_wire.log"
	echo "not ok fuzz_wire"
	exit 1
fi
