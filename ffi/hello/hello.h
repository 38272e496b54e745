#ifndef CRIB_HELLO_H
#define CRIB_HELLO_H

/* Each prints its part of the introduction. What cannot be read is left out: a container may hide anything. */
void show_identity(void);
void show_namespaces(void);
void show_addresses(void);
void show_limits(void);
void show_confinement(void);

/* The sub-commands; they return the exit code. */
int run_sleep(int argc, char **argv);
int run_echo(int argc, char **argv);
int run_exit(int argc, char **argv);
int run_env(void);
int run_cat(int argc, char **argv);

/* text.c */
void label(const char *name);
/* The value of `key` in a file of "key: value" lines, or the whole first line when `key` is NULL; NULL without one. */
const char *read_line(const char *path, const char *key);
/* Bytes with a unit, or "unlimited" for what only fits nowhere. */
void print_size(unsigned long long bytes);

#endif
