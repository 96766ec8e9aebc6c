// A mail server that takes everything at once and keeps nothing: what mails are sent against.
//
//     sink        prints its port, and serves until it is killed; a thread for each connection
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void require(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

static void say(FILE *client, const char *words) {
    fputs(words, client);
    fflush(client);
}

static void *serve(void *descriptor) {
    FILE *client = fdopen((int)(long)descriptor, "r+");
    char *line = NULL;
    size_t size = 0;
    int in_text = 0;
    say(client, "220 sink\r\n");
    while (getline(&line, &size, client) > 0) {
        if (in_text) {
            if (strcmp(line, ".\r\n") != 0) continue;
            in_text = 0;
            say(client, "250 taken\r\n");
        } else if (strncasecmp(line, "DATA", 4) == 0) {
            in_text = 1;
            say(client, "354 go on\r\n");
        } else if (strncasecmp(line, "QUIT", 4) == 0) {
            say(client, "221 bye\r\n");
            break;
        } else {
            say(client, "250 ok\r\n");
        }
    }
    free(line);
    fclose(client);
    return NULL;
}

int main(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    require(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 64) == 0, "listen");
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "port");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (1) {
        long client = accept(listener, NULL, NULL);
        pthread_t thread;
        require(client >= 0 && pthread_create(&thread, NULL, serve, (void *)client) == 0, "serve");
        pthread_detach(thread);
    }
}
