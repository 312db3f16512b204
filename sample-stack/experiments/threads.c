/* threads COUNT: what a POSIX thread that waits costs: as JSON, bytes of each of so many. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int waiting;
static int released;

static void *wait_for_release(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    waiting++;
    pthread_cond_broadcast(&changed);
    while (!released)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Pages of this process: reserved, and resident. */
static void look(long pages[2])
{
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &pages[0], &pages[1]) != 2) {
        fprintf(stderr, "threads: /proc/self/statm cannot be read\n");
        exit(1);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    int count = argc == 2 ? atoi(argv[1]) : 0;
    if (count < 1) {
        fprintf(stderr, "threads: want one argument, how many to start\n");
        return 1;
    }
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    long before[2], after[2];
    if (threads == NULL)
        return 1;
    look(before);
    for (int i = 0; i < count; i++) {
        int failed = pthread_create(&threads[i], NULL, wait_for_release, NULL);
        if (failed) {
            fprintf(stderr, "threads: the %dth cannot be started: %s\n", i + 1, strerror(failed));
            return 1;
        }
    }
    pthread_mutex_lock(&lock);
    while (waiting < count)
        pthread_cond_wait(&changed, &lock);
    look(after);
    released = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    double page = (double)sysconf(_SC_PAGESIZE);
    printf("{\"count\": %d, \"reserved_bytes\": %.1f, \"resident_bytes\": %.1f}\n", count,
           (double)(after[0] - before[0]) * page / count,
           (double)(after[1] - before[1]) * page / count);
    return 0;
}
