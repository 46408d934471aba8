/* Finds out how many requests a receiver takes: the least a client can do, as fast as it can.

   usage: blast PORT CONNECTIONS SECONDS < REQUEST     prints requests per second

   One request at a time on every connection, the next one as soon as an answer has come, like the
   server under test and the yardsticks do. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec it;
    clock_gettime(CLOCK_MONOTONIC, &it);
    return (double)it.tv_sec + (double)it.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static char request[1 << 16], answer[1 << 12];
    if (argc != 4)
        return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    int connections = atoi(argv[2]), poll = epoll_create1(0), one = 1;
    ssize_t size = read(0, request, sizeof request);
    for (int i = 0; i < connections; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (void *)&address, sizeof address))
            return 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
        if (write(fd, request, size) != size)
            return 1;
    }
    double start = now(), end = start + atof(argv[3]);
    long done = 0;
    while (now() < end) {
        struct epoll_event ready[256];
        int count = epoll_wait(poll, ready, 256, 100);
        for (int i = 0; i < count; i++, done++)
            if (read(ready[i].data.fd, answer, sizeof answer) <= 0 ||
                write(ready[i].data.fd, request, size) != size)
                return 1;
    }
    printf("%.0f\n", (double)done / (now() - start));
    return 0;
}
