#!/bin/sh
# C tests under the sanitizers: unit tests, then the fuzz targets by libFuzzer where clang is; the first of them also with
# inputs of its own, where it is not.
# Prints a line "ok …" or "not ok …" for each. Usage: ffi/tests/run.sh OUT_DIR [FUZZ_SECONDS of each target]
set -eu
cd "$(dirname "$0")/../.."
. ffi/tests/compile.sh
out=$1
seconds=${2:-2}
mkdir -p "$out"

flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -Iffi -Iffi/include -fno-sanitize-recover=all -Wall -Wextra -Werror"
sanitize="-fsanitize=address,undefined"

# main.c holds the only main; everything else is library code, compiled once.
library=$(ls ffi/wire/*.c ffi/init/*.c ffi/monitor/*.c ffi/monitor/*/*.c | grep -v '^ffi/monitor/main.c$')
tests=$(ls ffi/tests/*_test.c)
# shellcheck disable=SC2086 # lists of flags and files
echo $library $tests | compile "$out/objects" gcc $flags $sanitize
# A new one, or it would keep what is no source any more.
rm -f "$out/library.a"
# shellcheck disable=SC2046,SC2086
ar rcs "$out/library.a" $(objects "$out/objects" $library)

# A test takes of the library what it names, so that it may have its own of what it does not.
for test in $tests; do
	name=$(basename "$test" .c)
	# shellcheck disable=SC2046
	gcc $sanitize $(objects "$out/objects" "$test") "$out/library.a" -o "$out/$name"
	"$out/$name"
done

# shellcheck disable=SC2086
gcc $flags $sanitize -DFUZZ_SMOKE ffi/tests/fuzz_wire.c "$out/library.a" -o "$out/fuzz_smoke"
"$out/fuzz_smoke"

if ! command -v clang >/dev/null; then
	echo "fuzz targets: skipped, no clang"
	exit 0
fi

scratch=$(mktemp -d /dev/shm/crib-fuzz-XXXXXX)
trap 'rm -rf "$scratch"' EXIT

# What a target is about and no more, since the rest would only be compiled.
sources_of() {
	case $1 in
	wire) echo ffi/wire/reader.c ffi/wire/failure.c ffi/wire/plan-reader.c ffi/wire/protocol-reader.c ;;
	report) echo ffi/monitor/process/report.c ffi/monitor/process/birth.c ffi/monitor/loop/loop.c ffi/monitor/loop/clock.c ffi/wire/frame.c \
		ffi/monitor/sandbox/host.c ffi/monitor/sandbox/empty-root.c ffi/init/procfs.c ffi/wire/failure.c ;;
	log) echo ffi/monitor/process/cri-log.c ;;
	resolve) echo ffi/init/resolve.c ;;
	state) echo ffi/monitor/renewal/state.c ffi/monitor/renewal/state-records.c ffi/monitor/renewal/state-io.c \
		ffi/monitor/process/process.c ffi/wire/protocol-reader.c ffi/wire/frame.c ffi/wire/reader.c ffi/wire/failure.c ;;
	page) echo ffi/init/overlay-page.c ffi/wire/reader.c ;;
	esac
}

# Usage: fuzz NAME: fuzz_NAME.c with its sources. What it finds on its way is kept in OUT_DIR for the next time.
fuzz() {
	name=$1
	# shellcheck disable=SC2046
	clang -fsanitize=fuzzer,address,undefined $(objects "$out/fuzz-objects" "ffi/tests/fuzz_$name.c" $(sources_of "$name")) \
		-o "$out/fuzz_$name"
	mkdir -p "$out/corpus-$name" "$out/no-seeds"
	seeds=ffi/tests/seeds/$name
	[ "$name" = wire ] && seeds=ffi/tests/corpus
	[ -d "$seeds" ] || seeds=$out/no-seeds
	if TMPDIR=$scratch "$out/fuzz_$name" -max_total_time="$seconds" -max_len=8192 -artifact_prefix="$out/$name-" \
		"$out/corpus-$name" "$seeds" >"$out/fuzz_$name.log" 2>&1; then
		echo "ok fuzz_$name ($seconds s)"
	else
		tail -n 40 "$out/fuzz_$name.log"
		echo "not ok fuzz_$name"
		return 1
	fi
}

targets="wire report log resolve state page"
# shellcheck disable=SC2086
for name in $targets; do echo "ffi/tests/fuzz_$name.c" $(sources_of "$name"); done | tr ' ' '\n' | sort -u |
	compile "$out/fuzz-objects" clang $flags -fsanitize=fuzzer-no-link,address,undefined

running=
for name in $targets; do
	fuzz "$name" &
	running="$running $!"
done
status=0
for one in $running; do wait "$one" || status=1; done
exit $status
