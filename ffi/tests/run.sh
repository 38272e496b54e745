#!/bin/sh
# C tests under the sanitizers: unit tests, then the fuzz targets by libFuzzer where clang is; the first of them also with
# inputs of its own, where it is not.
# Prints a line "ok …" or "not ok …" for each. Usage: ffi/tests/run.sh OUT_DIR [FUZZ_SECONDS of each target]
set -eu
cd "$(dirname "$0")/../.."
out=$1
seconds=${2:-10}
objects=$out/objects
mkdir -p "$objects"

flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Iffi -Iffi/include -fno-sanitize-recover=all"
strict="-Wall -Wextra -Werror -fsanitize=address,undefined"

# main.c holds the only main; everything else is library code, compiled once.
rm -f "$objects"/*.o
for source in ffi/wire/*.c ffi/init/*.c ffi/monitor/*.c ffi/monitor/*/*.c; do
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
	echo "fuzz targets: skipped, no clang"
	exit 0
fi

scratch=$(mktemp -d /dev/shm/crib-fuzz-XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# Usage: fuzz NAME SECONDS SOURCE…: fuzz_NAME.c with the sources it is about and no more, since the rest would only be
# compiled. What it finds on its way is kept in OUT_DIR for the next time.
fuzz() {
	name=$1
	limit=$2
	shift 2
	# shellcheck disable=SC2086
	clang $flags -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined "ffi/tests/fuzz_$name.c" "$@" -o "$out/fuzz_$name"
	mkdir -p "$out/corpus-$name" "$out/no-seeds"
	seeds=ffi/tests/seeds/$name
	[ "$name" = wire ] && seeds=ffi/tests/corpus
	[ -d "$seeds" ] || seeds=$out/no-seeds
	if TMPDIR=$scratch "$out/fuzz_$name" -max_total_time="$limit" -max_len=8192 -artifact_prefix="$out/$name-" \
		"$out/corpus-$name" "$seeds" >"$out/fuzz_$name.log" 2>&1; then
		echo "ok fuzz_$name ($limit s)"
	else
		tail -n 40 "$out/fuzz_$name.log"
		echo "not ok fuzz_$name"
		exit 1
	fi
}

fuzz wire "$seconds" ffi/wire/reader.c ffi/wire/failure.c ffi/wire/plan-reader.c ffi/wire/protocol-reader.c
short=$seconds
[ $# -lt 2 ] && short=2
fuzz report "$short" ffi/monitor/process/report.c ffi/monitor/process/birth.c ffi/monitor/loop/loop.c ffi/wire/frame.c ffi/monitor/sandbox/host.c \
	ffi/monitor/sandbox/empty-root.c ffi/init/procfs.c ffi/wire/failure.c
fuzz log "$short" ffi/monitor/process/cri-log.c
fuzz resolve "$short" ffi/init/resolve.c
fuzz state "$short" ffi/monitor/renewal/state.c ffi/monitor/renewal/state-records.c ffi/monitor/renewal/state-io.c ffi/monitor/process/process-make.c \
	ffi/monitor/transport/block.c ffi/wire/protocol-reader.c ffi/wire/frame.c ffi/wire/reader.c ffi/wire/failure.c
fuzz page "$short" ffi/init/overlay-page.c ffi/wire/reader.c
