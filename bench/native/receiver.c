/* A webhook receiver that costs next to nothing: counts requests, answers 200, measures delays.

   usage: receiver COUNTERS          prints the port it listens on

   One thread, epoll, HTTP/1.1 with keep-alive and pipelining, bodies by Content-Length. A request
   to /hang is counted apart and never answered. A body that holds "@@" and 19 digits tells when it
   was sent (CLOCK_MONOTONIC, ns); the delay goes into a ring. Everything counted lies in the file
   COUNTERS, which others map and read without asking. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RING (1 << 16)
#define BUFFER (1 << 18)
#define MAX_FD 4096
#define STAMP_DIGITS 19

struct counters {
    volatile uint64_t answered, hanging, delays, last_at;
    volatile uint64_t delay_ns[RING];
};

struct connection {
    size_t held;
    char data[BUFFER + 1];
};

static struct counters *counters;
static struct connection *connections[MAX_FD];

static const char ANSWER[] = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void note_delay(const char *body, size_t length) {
    const char *mark = memmem(body, length, "@@", 2);
    if (!mark || mark + 2 + STAMP_DIGITS > body + length)
        return;
    uint64_t sent = 0;
    for (int i = 0; i < STAMP_DIGITS; i++)
        sent = sent * 10 + (uint64_t)(mark[2 + i] - '0');
    counters->delay_ns[counters->delays % RING] = now_ns() - sent;
    counters->delays++;
}

static size_t body_length(const char *head, const char *end) {
    for (const char *line = head; line && line < end; line = memchr(line, '\n', end - line)) {
        if (*line == '\n')
            line++;
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
    }
    return 0;
}

/* Answer the requests that are complete; returns how many, and leaves the rest at the front. */
static int serve(struct connection *it) {
    char *from = it->data, *end = it->data + it->held;
    int answers = 0;
    for (;;) {
        char *blank = memmem(from, end - from, "\r\n\r\n", 4);
        if (!blank)
            break;
        size_t length = body_length(from, blank);
        char *body = blank + 4;
        if ((size_t)(end - body) < length)
            break;
        if (memcmp(from, "POST /hang", 10) == 0) {
            counters->hanging++;
        } else {
            note_delay(body, length);
            answers++;
        }
        from = body + length;
    }
    it->held = end - from;
    memmove(it->data, from, it->held);
    return answers;
}

static void drop(int fd) {
    close(fd);
    free(connections[fd]);
    connections[fd] = NULL;
}

static void read_from(int fd) {
    static char answers[BUFFER];
    struct connection *it = connections[fd];
    ssize_t got = read(fd, it->data + it->held, BUFFER - it->held);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            drop(fd);
        return;
    }
    it->held += got;
    int count = serve(it);
    size_t size = 0;
    for (int i = 0; i < count && size + sizeof ANSWER < sizeof answers; i++) {
        memcpy(answers + size, ANSWER, sizeof ANSWER - 1);
        size += sizeof ANSWER - 1;
    }
    if (size && write(fd, answers, size) != (ssize_t)size) {
        drop(fd);
        return;
    }
    if (count)
        counters->last_at = now_ns();
    counters->answered += count;
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (void *)&address, size) || listen(fd, 1024))
        fail("listen");
    getsockname(fd, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void map_counters(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *counters))
        fail(path);
    counters = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED)
        fail("mmap");
    close(fd);
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    map_counters(argv[1]);
    int door = listen_on_loopback(), poll = epoll_create1(0), one = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = door}, ready[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, door, &event);
    for (;;) {
        int count = epoll_wait(poll, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd != door) {
                read_from(fd);
                continue;
            }
            while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                if (fd >= MAX_FD || !(connections[fd] = malloc(sizeof **connections))) {
                    close(fd);
                    continue;
                }
                connections[fd]->held = 0;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}
