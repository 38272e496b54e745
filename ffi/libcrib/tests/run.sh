#!/bin/sh
# Compiles libcrib's tests and its fuzzer with sanitizers into $1 and runs them: a line `ok …` or `not ok …` a test.
set -u
cd "$(dirname "$0")/../../.."
. ffi/tests/compile.sh
out=${1:?usage: run.sh DIRECTORY}
flags="-std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -g -O1 -Iffi -Iffi/include -iquote ffi/libcrib"
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
objects=$out/libcrib-objects
library=$(ls ffi/libcrib/*.c)
tests=$(ls ffi/libcrib/tests/*.c)
status=0

verdict() {
	if [ "$1" -eq 0 ]; then echo "ok $2"; else echo "not ok $2"; status=1; fi
}

# The fuzzer's inputs come from a generator of its own, so that it needs no clang; FUZZ_ROUNDS makes it run longer.
rounds() {
	[ "$1" = fuzz_seccomp ] && echo "${FUZZ_ROUNDS:-400}"
}

# shellcheck disable=SC2086
echo $library $tests | compile "$objects" gcc $flags $sanitize || status=1
for test in $tests; do
	name=$(basename "$test" .c)
	# shellcheck disable=SC2046,SC2086
	gcc $sanitize $(objects "$objects" "$test" $library) -lseccomp -o "$out/libcrib_$name" &&
		"$out/libcrib_$name" $(rounds "$name")
	verdict $? "libcrib $name"
done
exit $status
