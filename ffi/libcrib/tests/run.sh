#!/bin/sh
# Compiles the shim's tests and its fuzzer with sanitizers into $1 and runs them: a line `ok …` or `not ok …` a test.
set -u
cd "$(dirname "$0")/../../.."
out=${1:?usage: run.sh DIRECTORY}
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
status=0

verdict() {
	if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; status=1; fi
}

for test in ffi/shim/tests/*_test.c; do
	name=$(basename "$test" .c)
	# shellcheck disable=SC2086
	gcc $flags -Iffi/include -iquote ffi/shim "$test" ffi/shim/*.c -lseccomp -o "$out/shim_$name" && "$out/shim_$name"
	verdict $? "shim $name"
done

# The fuzzer's inputs come from a generator of its own, so that it needs no clang; FUZZ_ROUNDS makes it run longer.
# shellcheck disable=SC2086
gcc $flags -Iffi/include -iquote ffi/shim ffi/shim/tests/fuzz_seccomp.c ffi/shim/*.c -lseccomp -o "$out/shim_fuzz_seccomp" &&
	"$out/shim_fuzz_seccomp" "${FUZZ_ROUNDS:-400}"
verdict $? "shim fuzz_seccomp"
exit $status
