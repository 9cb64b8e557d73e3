#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

int csystem_spawn(
    pid_t *process, const char *path, char *const arguments[], char *const environment[], const char *directory, int input, int output,
    int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int result = posix_spawn_file_actions_init(&actions);
    if (result != 0) return -result;
    result = posix_spawnattr_init(&attributes);
    if (result != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -result;
    }
    sigemptyset(&none);
    sigfillset(&all);
    if (input >= 0) {
        result = posix_spawn_file_actions_adddup2(&actions, input, 0);
    } else {
        result = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    }
    if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (result == 0) result = posix_spawn_file_actions_adddup2(&actions, errors, 2);
    if (result == 0) result = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (result == 0 && directory) result = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (result == 0) result = posix_spawnattr_setsigmask(&attributes, &none);
    if (result == 0) result = posix_spawnattr_setsigdefault(&attributes, &all);
    if (result == 0) {
        result = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    }
    if (result == 0) result = posix_spawn(process, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -result;
}

int csystem_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno; }

int csystem_eventfd(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor >= 0 ? descriptor : -errno;
}

int csystem_give_tree(const char *directory, uid_t user) {
    char *paths[] = {(char *)directory, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    if (!walk) return -errno;
    int result = 0;
    FTSENT *entry;
    while (result == 0 && (entry = fts_read(walk)) != NULL) {
        if (entry->fts_info == FTS_DP || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR) continue;
        const struct stat *status = entry->fts_statp;
        if (status->st_uid == user) continue;
        if (S_ISREG(status->st_mode) && status->st_nlink > 1) continue;
        if (lchown(entry->fts_path, user, user) != 0) result = -errno;
    }
    fts_close(walk);
    return result;
}

int csystem_remove_tree(const char *path) {
    char *paths[] = {(char *)path, NULL};
    struct stat status;
    if (lstat(path, &status) != 0) return errno == ENOENT ? 0 : -errno;
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk) return -errno;
    int result = 0;
    FTSENT *entry;
    while ((entry = fts_read(walk)) != NULL) {
        int failed = 0;
        switch (entry->fts_info) {
        case FTS_D:
            if ((entry->fts_statp->st_mode & S_IRWXU) != S_IRWXU) failed = chmod(entry->fts_accpath, 0700);
            break;
        case FTS_DNR:
            // Its mode was mended too late for this walk; rmdir below tells.
        case FTS_DP:
            failed = rmdir(entry->fts_accpath);
            break;
        default:
            failed = unlink(entry->fts_accpath);
        }
        if (failed != 0 && errno != ENOENT && result == 0) result = -errno;
    }
    fts_close(walk);
    return result;
}

/// Whether a link at `depth` directories below the root may have this target.
static int target_stays(const char *target, int depth) {
    if (target[0] == '/') return strncmp(target, "/usr/", 5) == 0 || strncmp(target, "/opt/", 5) == 0;
    while (*target) {
        size_t length = strcspn(target, "/");
        if (length == 2 && target[0] == '.' && target[1] == '.') {
            if (--depth < 0) return 0;
        } else if (length > 0 && !(length == 1 && target[0] == '.')) {
            depth++;
        }
        target += length;
        while (*target == '/') target++;
    }
    return 1;
}

int csystem_check_tree(const char *directory, char *offender, size_t size, const char **reason) {
    char *paths[] = {(char *)directory, NULL};
    FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!walk) return -errno;
    const char *wrong = NULL;
    FTSENT *entry;
    while (!wrong && (entry = fts_read(walk)) != NULL) {
        char target[4096];
        ssize_t length;
        switch (entry->fts_info) {
        case FTS_D:
        case FTS_DP:
        case FTS_F:
            break;
        case FTS_SL:
        case FTS_SLNONE:
            length = readlink(entry->fts_accpath, target, sizeof target - 1);
            target[length < 0 ? 0 : length] = 0;
            if (length < 0 || (size_t)length >= sizeof target - 1 || !target_stays(target, entry->fts_level - 1)) {
                wrong = "is a link that leads out of the tree";
            }
            break;
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            wrong = "cannot be read";
            break;
        default:
            wrong = "is neither a file nor a directory nor a link";
        }
        if (wrong) {
            const char *relative = entry->fts_path + strlen(directory);
            while (*relative == '/') relative++;
            snprintf(offender, size, "%s", relative);
            *reason = wrong;
        }
    }
    fts_close(walk);
    return wrong ? 1 : 0;
}

int csystem_open_beneath(int directory, const char *path) {
    struct open_how how;
    memset(&how, 0, sizeof how);
    // Non-blocking, so that a FIFO cannot hold the caller up.
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    long descriptor = syscall(SYS_openat2, directory, path, &how, sizeof how);
    return descriptor >= 0 ? (int)descriptor : -errno;
}

int csystem_clock_is_kept(void) {
    struct timex state;
    // Changes nothing: no mode is asked for.
    memset(&state, 0, sizeof state);
    if (adjtimex(&state) < 0) return -errno;
    return (state.status & STA_UNSYNC) == 0;
}

void csystem_error_text(int number, char *buffer, size_t size) {
    const char *text = strerrordesc_np(number);
    snprintf(buffer, size, "%s", text ? text : "unknown error");
}

int csystem_accept(int listener, char *address, size_t size) {
    struct sockaddr_storage other;
    socklen_t length = sizeof other;
    int connection = accept4(listener, (struct sockaddr *)&other, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) return -errno;
    if (getnameinfo((struct sockaddr *)&other, length, address, size, NULL, 0, NI_NUMERICHOST) != 0) address[0] = 0;
    return connection;
}
