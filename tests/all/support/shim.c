/* Preloaded into Courier, Cyrus and Exim in tests. Debian's Courier has its places in /etc and /run compiled in: they are looked
   for below MODORI_TEST_ROOT instead, so that the system stays as it is. What is said to syslog goes to MODORI_TEST_LOG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *here(const char *path, char *to, size_t room) {
    static const char *const ours[] = {"/etc/courier/", "/run/courier/", "/usr/libexec/gam_server", NULL};
    const char *root = getenv("MODORI_TEST_ROOT");
    for (int i = 0; root && path && ours[i]; i++)
        if (!strncmp(path, ours[i], strlen(ours[i])) && snprintf(to, room, "%s%s", root, path) < (int)room) return to;
    return path;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define HERE(path) char room[4096]; path = here(path, room, sizeof room)

static int opened(int (*next)(const char *, int, ...), const char *path, int flags, int mode) {
    HERE(path);
    return next(path, flags, mode);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0; \
        va_end(rest); \
        return opened(NEXT(name), path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

FILE *fopen(const char *path, const char *mode) { HERE(path); return NEXT(fopen)(path, mode); }
FILE *fopen64(const char *path, const char *mode) { HERE(path); return NEXT(fopen64)(path, mode); }
int stat(const char *restrict path, struct stat *restrict to) { HERE(path); return NEXT(stat)(path, to); }
int stat64(const char *restrict path, struct stat64 *restrict to) { HERE(path); return NEXT(stat64)(path, to); }
int access(const char *path, int how) { HERE(path); return NEXT(access)(path, how); }
int execl(const char *path, const char *first, ...) {
    const char *arguments[16] = {first};
    va_list rest;
    va_start(rest, first);
    for (int i = 1; i < 15 && (arguments[i] = va_arg(rest, const char *)); i++) {}
    va_end(rest);
    HERE(path);
    return execv(path, (char *const *)arguments);
}
int unlink(const char *path) { HERE(path); return NEXT(unlink)(path); }
int rename(const char *from, const char *path) { char old[4096]; HERE(path); return NEXT(rename)(here(from, old, sizeof old), path); }
int chmod(const char *path, mode_t mode) { HERE(path); return NEXT(chmod)(path, mode); }

/* The installations would make these users, as whom TLS is done and mail is carried; without them, it is who the mailbox
   belongs to. */
struct passwd *getpwnam(const char *name) {
    struct passwd *found = NEXT(getpwnam)(name);
    if (found || (strcmp(name, "courier") && strcmp(name, "Debian-exim"))) return found;
    return getuid() ? getpwuid(getuid()) : NEXT(getpwnam)("nobody");
}
struct group *getgrnam(const char *name) {
    struct group *found = NEXT(getgrnam)(name);
    return found || strcmp(name, "Debian-exim") ? found : getgrgid(getgid());
}

static int moved(int (*call)(int, const struct sockaddr *, socklen_t), int fd, const struct sockaddr *to, socklen_t length) {
    struct sockaddr_un place;
    if (to && to->sa_family == AF_UNIX && length <= sizeof place) {
        char room[4096];
        memset(&place, 0, sizeof place);
        memcpy(&place, to, length);
        if (here(place.sun_path, room, sizeof room) == room && strlen(room) < sizeof place.sun_path) {
            strcpy(place.sun_path, room);
            return call(fd, (struct sockaddr *)&place, sizeof place);
        }
    }
    return call(fd, to, length);
}
int connect(int fd, const struct sockaddr *to, socklen_t length) { return moved(NEXT(connect), fd, to, length); }
int bind(int fd, const struct sockaddr *to, socklen_t length) { return moved(NEXT(bind), fd, to, length); }

static void said(const char *format, va_list rest) {
    const char *log = getenv("MODORI_TEST_LOG");
    int fd = log ? NEXT(open)(log, O_WRONLY | O_APPEND) : -1;
    if (fd < 0) return;
    vdprintf(fd, format, rest);
    dprintf(fd, "\n");
    close(fd);
}
void syslog(int priority, const char *format, ...) { (void)priority; va_list rest; va_start(rest, format); said(format, rest); va_end(rest); }
void __syslog_chk(int priority, int flag, const char *format, ...) { (void)priority; (void)flag; va_list rest; va_start(rest, format); said(format, rest); va_end(rest); }
