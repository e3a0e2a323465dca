/*
 * The floor of a drain: one thread that claims runs and finishes them with canned outputs, everything pipelined.
 *
 *   drain_floor REDIS-SOCKET CLAIM-TEMPLATE RECORD-TEMPLATE...
 *
 * The templates are the commands that wf itself sends (captured_commands.py): its claim, and the records that carry one
 * run from its start to its end. A batch is one claim and then the records of all runs that it brought; two batches are
 * under way at once, so that Redis always has work while this program reads. It ends when a claim brings nothing, and
 * prints the number of runs that it finished.
 */
#define _GNU_SOURCE
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PLACES = 64, MAX_RECORDS = 16, BATCHES = 2 };

static const char JOB[] = "00000000-0000-4000-8000-00000000000J";
static const char CLAIM[] = "bench-claim/000000C";
static const char TOKEN[] = "1-bench-claim/000000C";

struct template {
  char *bytes;
  size_t size;
  size_t jobs[MAX_PLACES], tokens[MAX_PLACES], claims[MAX_PLACES];
  int job_count, token_count, claim_count;
};

static redisContext *redis;
static struct template claim_command, records[MAX_RECORDS];
static int record_count;
static unsigned claims;
static long finished;

static void fail(const char *what) {
  fprintf(stderr, "drain_floor: %s\n", what);
  exit(1);
}

static int find(struct template *template, const char *placeholder, size_t *places) {
  int count = 0;
  char *from = template->bytes, *end = template->bytes + template->size;
  while ((from = memmem(from, end - from, placeholder, strlen(placeholder)))) {
    if (count == MAX_PLACES) fail("too many places in a template");
    places[count++] = from - template->bytes;
    from += strlen(placeholder);
  }
  return count;
}

static struct template read_template(const char *path) {
  struct template template = {0};
  FILE *file = fopen(path, "rb");
  if (!file) fail(path);
  fseek(file, 0, SEEK_END);
  template.size = ftell(file);
  rewind(file);
  template.bytes = malloc(template.size);
  if (fread(template.bytes, 1, template.size, file) != template.size) fail(path);
  fclose(file);
  template.job_count = find(&template, JOB, template.jobs);
  template.token_count = find(&template, TOKEN, template.tokens);
  template.claim_count = find(&template, CLAIM, template.claims);
  return template;
}

static void send_claim(void) {
  char id[sizeof CLAIM];
  snprintf(id, sizeof id, "bench-claim/%07u", claims++ % 10000000);
  for (int i = 0; i < claim_command.claim_count; i++)
    memcpy(claim_command.bytes + claim_command.claims[i], id, strlen(CLAIM));
  redisAppendFormattedCommand(redis, claim_command.bytes, claim_command.size);
}

static void send_records(const char *job, const char *token) {
  for (int n = 0; n < record_count; n++) {
    struct template *record = &records[n];
    for (int i = 0; i < record->job_count; i++) memcpy(record->bytes + record->jobs[i], job, strlen(JOB));
    for (int i = 0; i < record->token_count; i++) memcpy(record->bytes + record->tokens[i], token, strlen(TOKEN));
    redisAppendFormattedCommand(redis, record->bytes, record->size);
  }
}

static redisReply *next_reply(void) {
  redisReply *reply;
  if (redisGetReply(redis, (void **)&reply) != REDIS_OK) fail(redis->errstr);
  if (reply->type == REDIS_REPLY_ERROR) fail(reply->str);
  return reply;
}

/* Reads a claim's reply and sends the records of its runs; returns how many runs it brought. */
static long take_claim(void) {
  redisReply *reply = next_reply();
  long runs = (long)reply->elements - 1;
  for (long i = 1; i <= runs; i++) {
    redisReply *run = reply->element[i];
    if (run->element[0]->len != strlen(JOB) || run->element[1]->len != strlen(TOKEN)) fail("a claim of another form");
    send_records(run->element[0]->str, run->element[1]->str);
  }
  freeReplyObject(reply);
  return runs;
}

static void take_records(long runs) {
  for (long i = 0; i < runs * record_count; i++) {
    redisReply *reply = next_reply();
    if (reply->type != REDIS_REPLY_ARRAY || strcmp(reply->element[0]->str, "recorded")) fail("a record was refused");
    freeReplyObject(reply);
  }
  finished += runs;
}

int main(int count, char **arguments) {
  if (count < 4 || count - 3 > MAX_RECORDS) return 64;
  redis = redisConnectUnix(arguments[1]);
  if (!redis || redis->err) fail("Redis does not answer");
  claim_command = read_template(arguments[2]);
  if (!claim_command.claim_count) fail("the claim's template has no place for its id");
  for (int i = 3; i < count; i++) records[record_count++] = read_template(arguments[i]);

  /* The replies come in the order of the commands: claim, claim, then by turns the records of a batch and the claim
     that was sent behind them. */
  long runs[BATCHES];
  for (int i = 0; i < BATCHES; i++) send_claim();
  for (int i = 0; i < BATCHES; i++) {
    runs[i] = take_claim();
    send_claim();
  }
  for (int i = 0; runs[0] || runs[1]; i = (i + 1) % BATCHES) {
    take_records(runs[i]);
    runs[i] = take_claim();
    send_claim();
  }
  printf("%ld\n", finished);
  return 0;
}
