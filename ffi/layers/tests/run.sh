#!/bin/sh
# Compiles the tests and the fuzzer of crib-layer with sanitizers into $1 and runs them: a line `ok …` or `not ok …` a test.
# Usage: ffi/layers/tests/run.sh OUT_DIR [FUZZ_SECONDS]
set -u
cd "$(dirname "$0")/../../.."
. ffi/tests/compile.sh
out=${1:?usage: run.sh DIRECTORY}
seconds=${2:-2}
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -fno-sanitize-recover=all"
sanitize="-fsanitize=address,undefined"
layers=ffi/layers
# All but the parts that are the process: those have their tests from outside (tests/integration/images-erofs.test.ts, images-direct.test.ts).
parts=$(ls $layers/*.c | grep -v -e /main.c -e /job.c -e /pipeline.c -e /orders.c -e /replies.c -e /confine.c -e /ring.c -e /receive.c -e /connect.c)
status=0
# A failure jumps out of the middle of things, where the process would end.
export ASAN_OPTIONS=detect_leaks=0

verdict() {
	if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; status=1; fi
}

# Usage: check NAME LIBRARY SOURCE…: links them and runs what comes out.
check() {
	name=$1
	library=$2
	shift 2
	# shellcheck disable=SC2046,SC2086
	gcc $sanitize $(objects "$out/layers-objects" "$@") $library -o "$out/layers_$name" && "$out/layers_$name" >/dev/null
	verdict $? "layers $name"
}

# shellcheck disable=SC2086
echo $parts $layers/tests/*.c | compile "$out/layers-objects" gcc $flags $sanitize -Wall -Wextra -Werror -DFUZZ_SMOKE || status=1
check sha256 "" $layers/tests/sha256_test.c $layers/sha256.c $layers/sha256-x86.c
check gunzip -lz $layers/tests/gunzip_test.c $layers/gunzip.c $layers/huffman.c
# shellcheck disable=SC2086
check fuzz_smoke -lzstd $layers/tests/fuzz_layer.c $parts

if ! command -v clang >/dev/null; then
	echo "layers fuzz: skipped, no clang"
	exit $status
fi
mkdir -p "$out/layers_corpus"
# shellcheck disable=SC2046,SC2086
echo $parts $layers/tests/fuzz_layer.c | compile "$out/layers-fuzz-objects" clang $flags $sanitize -fsanitize=fuzzer-no-link &&
	clang $sanitize -fsanitize=fuzzer $(objects "$out/layers-fuzz-objects" $layers/tests/fuzz_layer.c $parts) -lzstd -o "$out/layers_fuzz" &&
	"$out/layers_fuzz" -max_total_time="$seconds" -max_len=12000 -detect_leaks=0 -artifact_prefix="$out/" \
		"$out/layers_corpus" >"$out/layers_fuzz.log" 2>&1
verdict $? "layers fuzz ($seconds s)"
[ $status -eq 0 ] || tail -n 40 "$out/layers_fuzz.log"
exit $status
