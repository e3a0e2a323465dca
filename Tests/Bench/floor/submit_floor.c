/*
 * The floor of a submit: the least that libfcgi, hiredis and Redis need for one.
 *
 *   submit_floor SOCKET REDIS-SOCKET TEMPLATE
 *
 * 64 threads in FCGX_Accept_r on one listening unix socket, each with a blocking hiredis connection. A request's body is
 * read to its end and not looked at; then the command in TEMPLATE is sent (the submit that wf itself sends for this body,
 * captured_commands.py) with this request's ids in it, and answered with wf's 202. Connections are kept when nginx asks
 * for it (fastcgi_keep_conn), as in wf.
 */
#define _GNU_SOURCE
#include <fcgiapp.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 64, MAX_PLACES = 32 };

static const char JOB[] = "00000000-0000-4000-8000-00000000000J";
static const char REQUEST[] = "0000000000000000000000000000000R";

static char *template;
static size_t template_size;
static size_t job_places[MAX_PLACES], request_places[MAX_PLACES];
static int job_count, request_count;
static int listener;
static const char *redis_path;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int find(const char *placeholder, size_t *places) {
  int count = 0;
  char *from = template;
  while ((from = memmem(from, template + template_size - from, placeholder, strlen(placeholder)))) {
    if (count == MAX_PLACES) fail("too many places in the template");
    places[count++] = from - template;
    from += strlen(placeholder);
  }
  return count;
}

static void read_template(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) fail(path);
  fseek(file, 0, SEEK_END);
  template_size = ftell(file);
  rewind(file);
  template = malloc(template_size);
  if (fread(template, 1, template_size, file) != template_size) fail(path);
  fclose(file);
  job_count = find(JOB, job_places);
  request_count = find(REQUEST, request_places);
  if (!job_count) fail("the template has no place for a job id");
}

/* A UUID of version 4 from nginx's 32 hexadecimal digits, as wf makes it. */
static void make_job_id(const char *request, char *job) {
  snprintf(job, 37, "%.8s-%.4s-4%.3s-%c%.3s-%.12s", request, request + 8, request + 13,
           "89ab"[request[16] & 3], request + 17, request + 20);
}

static void answer(FCGX_Request *request, redisContext *redis, char *command) {
  char body[8192];
  while (FCGX_GetStr(body, sizeof body, request->in) > 0) {}

  const char *id = FCGX_GetParam("REQUEST_ID", request->envp);
  if (!id || strlen(id) != 32) fail("nginx sends no REQUEST_ID");
  char job[37];
  make_job_id(id, job);
  for (int i = 0; i < job_count; i++) memcpy(command + job_places[i], job, 36);
  for (int i = 0; i < request_count; i++) memcpy(command + request_places[i], id, 32);

  redisAppendFormattedCommand(redis, command, template_size);
  redisReply *reply;
  if (redisGetReply(redis, (void **)&reply) != REDIS_OK) fail(redis->errstr);
  if (reply->type == REDIS_REPLY_ARRAY && reply->elements && reply->element[0]->type == REDIS_REPLY_INTEGER)
    FCGX_FPrintF(request->out,
                 "Status: 202\r\nContent-Type: application/json\r\nLocation: /status/%s\r\nX-Request-ID: %s\r\n\r\n"
                 "{\"job_id\":\"%s\",\"status_url\":\"/status/%s\"}", job, id, job, job);
  else
    FCGX_FPrintF(request->out, "Status: 503\r\n\r\n%s", reply->str ? reply->str : "");
  freeReplyObject(reply);
}

static void *serve(void *unused) {
  (void)unused;
  redisContext *redis = redisConnectUnix(redis_path);
  if (!redis || redis->err) fail("redis");
  char *command = malloc(template_size);
  memcpy(command, template, template_size);
  FCGX_Request request;
  FCGX_InitRequest(&request, listener, 0);
  while (FCGX_Accept_r(&request) == 0) {
    answer(&request, redis, command);
    FCGX_Finish_r(&request);
  }
  fail("FCGX_Accept_r");
  return NULL;
}

int main(int count, char **arguments) {
  if (count != 4) return 64;
  redis_path = arguments[2];
  read_template(arguments[3]);
  FCGX_Init();
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_IGN);
  listener = FCGX_OpenSocket(arguments[1], 1024);
  if (listener < 0) fail(arguments[1]);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, NULL)) fail("pthread_create");
  }
  for (;;) pause();
}
