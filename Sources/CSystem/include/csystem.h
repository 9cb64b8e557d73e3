#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <malloc.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
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

/// Removes a file, or a tree with all that is in it, also where its directories cannot be written. Links are not followed. Nothing there is no error.
int csystem_remove_tree(const char *path);

/// Looks at every entry of a tree: 0 when all are directories, plain files, and links whose target stays in the tree or lies in /usr or /opt;
/// else 1 with the first other one's path, relative to the tree, in `offender`, and why in `reason` (a constant).
int csystem_check_tree(const char *directory, char *offender, size_t size, const char **reason);

/// Opens `path`, which is relative, for reading; refuses whatever would leave `directory`, links included.
int csystem_open_beneath(int directory, const char *path);

/// CRC-32C (Castagnoli) of the bytes, going on from `crc`, which is 0 at the start.
uint32_t csystem_crc32c(uint32_t crc, const void *bytes, size_t count);

/// Takes a waiting connection, non-blocking and not inherited by children; writes the other side's address as text, without the port.
int csystem_accept(int listener, char *address, size_t size);

/// Whether a time service keeps the kernel's clock: 1 or 0.
int csystem_clock_is_kept(void);

/// Lets go of the pages of code and constants that the process has touched so far: what it goes on with comes back from the page cache.
void csystem_let_go_of_code(void);

/// The text of an errno.
void csystem_error_text(int number, char *buffer, size_t size);

#endif
