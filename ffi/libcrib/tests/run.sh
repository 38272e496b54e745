#!/bin/sh
# Compiles libcrib's tests and its fuzzer with sanitizers into $1 and runs them: a line `ok …` or `not ok …` a test.
set -u
cd "$(dirname "$0")/../../.."
out=${1:?usage: run.sh DIRECTORY}
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"
status=0

verdict() {
	if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; status=1; fi
}

for test in ffi/libcrib/tests/*_test.c; do
	name=$(basename "$test" .c)
	# shellcheck disable=SC2086
	gcc $flags -Iffi -Iffi/include -iquote ffi/libcrib "$test" ffi/libcrib/*.c -lseccomp -o "$out/libcrib_$name" && "$out/libcrib_$name"
	verdict $? "libcrib $name"
done

# The fuzzer's inputs come from a generator of its own, so that it needs no clang; FUZZ_ROUNDS makes it run longer.
# shellcheck disable=SC2086
gcc $flags -Iffi -Iffi/include -iquote ffi/libcrib ffi/libcrib/tests/fuzz_seccomp.c ffi/libcrib/*.c -lseccomp -o "$out/libcrib_fuzz_seccomp" &&
	"$out/libcrib_fuzz_seccomp" "${FUZZ_ROUNDS:-400}"
verdict $? "libcrib fuzz_seccomp"
exit $status
