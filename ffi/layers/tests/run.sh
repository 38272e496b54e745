#!/bin/sh
# Compiles the tests and the fuzzer of crib-layer with sanitizers into $1 and runs them: a line `ok …` or `not ok …` a test.
# Usage: ffi/layers/tests/run.sh OUT_DIR [FUZZ_SECONDS]
set -u
cd "$(dirname "$0")/../../.."
out=${1:?usage: run.sh DIRECTORY}
seconds=${2:-10}
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
layers=ffi/layers
# All but the parts that are the process: those have their tests from outside (tests/integration/images-erofs.test.ts, images-direct.test.ts).
parts=$(ls $layers/*.c | grep -v -e /main.c -e /job.c -e /pipeline.c -e /orders.c -e /replies.c -e /confine.c -e /ring.c -e /receive.c -e /connect.c)
status=0
# A failure jumps out of the middle of things, where the process would end.
export ASAN_OPTIONS=detect_leaks=0

verdict() {
	if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; status=1; fi
}

# shellcheck disable=SC2086
gcc $flags -Wall -Wextra -Werror $layers/tests/sha256_test.c $layers/sha256.c $layers/sha256-x86.c -o "$out/layers_sha256" &&
	"$out/layers_sha256" >/dev/null
verdict $? "layers sha256"

# shellcheck disable=SC2086
gcc $flags -Wall -Wextra -Werror $layers/tests/gunzip_test.c $layers/gunzip.c $layers/huffman.c -lz -o "$out/layers_gunzip" &&
	"$out/layers_gunzip" >/dev/null
verdict $? "layers gunzip"

# shellcheck disable=SC2086
gcc $flags -Wall -Wextra -Werror -DFUZZ_SMOKE $layers/tests/fuzz_layer.c $parts -lzstd -o "$out/layers_fuzz_smoke" &&
	"$out/layers_fuzz_smoke" >/dev/null
verdict $? "layers fuzz smoke"

if ! command -v clang >/dev/null; then
	echo "layers fuzz: skipped, no clang"
	exit $status
fi
mkdir -p "$out/layers_corpus"
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer $layers/tests/fuzz_layer.c $parts -lzstd -o "$out/layers_fuzz" &&
	"$out/layers_fuzz" -max_total_time="$seconds" -max_len=12000 -detect_leaks=0 -artifact_prefix="$out/" \
		"$out/layers_corpus" >"$out/layers_fuzz.log" 2>&1
verdict $? "layers fuzz ($seconds s)"
[ $status -eq 0 ] || tail -n 40 "$out/layers_fuzz.log"
exit $status
