# Sourced by the run.sh scripts, which stand at the root of the tree by then.

# Usage: compile DIRECTORY COMPILER FLAG… with paths of C sources on standard input: one object of each in DIRECTORY, as many
# at a time as there are processors. A source stands for its object's name, slashes replaced: see `objects`.
compile() {
	directory=$1
	shift
	mkdir -p "$directory"
	rm -f "$directory"/*.o
	tr ' ' '\n' | xargs -P "$(nproc)" -n 1 sh -c '
		directory=$1
		shift
		for source; do :; done
		exec "$@" -c -o "$directory/$(echo "$source" | tr / _).o"' compile "$directory" "$@"
}

# Usage: objects DIRECTORY SOURCE…: their objects' paths.
objects() {
	directory=$1
	shift
	for source in "$@"; do
		echo "$directory/$(echo "$source" | tr / _).o"
	done
}
