#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <sys/types.h>

/// What glibc hides behind _GNU_SOURCE or behind variadic functions, for Swift. Each returns 0 (or a descriptor), or -errno.

/// Starts a program in a session of its own, with signals at their defaults and unblocked, and no descriptor but 0, 1 and 2.
/// `input` < 0 stands for /dev/null; `directory` may be NULL.
int csystem_spawn(
    pid_t *process, const char *path, char *const arguments[], char *const environment[], const char *directory, int input, int output, int errors);

/// A pipe whose ends no child inherits.
int csystem_pipe(int ends[2]);

/// A non-blocking eventfd.
int csystem_eventfd(void);

/// Gives the tree to the user and group. Links are not followed; a file that has other names and another owner is left as it is.
int csystem_give_tree(const char *directory, uid_t user);

/// Opens `path`, which is relative, for reading; refuses whatever would leave `directory`, links included.
int csystem_open_beneath(int directory, const char *path);

/// The text of an errno.
void csystem_error_text(int number, char *buffer, size_t size);

#endif
