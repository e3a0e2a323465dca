/*
 * The floor of a drain: one thread that claims runs and finishes them with canned outputs, everything pipelined.
 *
 *   drain_floor REDIS-SOCKET CLAIM-TEMPLATE HEAD-TEMPLATE RECORD-TEMPLATE...
 *
 * The templates are the commands that wf itself sends (captured_commands.py): its claim, the head of a call that records,
 * and the records that carry one run from its start to its end. A batch is one claim and then, for each template, one call
 * with that record of all runs that the claim brought; two batches are under way at once, so that Redis always has work
 * while this program reads. It ends when a claim brings nothing, and prints the number of runs that it finished.
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

/* Words as they go over the wire; the claim's with the number of words before them. */
struct template {
  char *bytes;
  size_t size;
  int words;
  size_t jobs[MAX_PLACES], tokens[MAX_PLACES], claims[MAX_PLACES];
  int job_count, token_count, claim_count;
};

static redisContext *redis;
static struct template claim_command, record_head, records[MAX_RECORDS];
static char *call;
static size_t call_size, call_room;
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
  for (size_t i = 0; i < template.size; i++) template.words += template.bytes[i] == '$' && (!i || template.bytes[i - 1] == '\n');
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

static void add(const char *bytes, size_t size) {
  if (call_size + size > call_room) {
    call_room = 2 * (call_size + size);
    call = realloc(call, call_room);
  }
  memcpy(call + call_size, bytes, size);
  call_size += size;
}

/* Sends, for each template, that record of all runs of a claim's reply, which are the last words of it. */
static void send_records(redisReply *claim, long runs) {
  int is_list = claim->element[claim->elements - 1]->type == REDIS_REPLY_ARRAY;
  redisReply **first = claim->element + claim->elements - (is_list ? 1 : 3) * runs;
  for (int n = 0; n < record_count && runs > 0; n++) {
    struct template *record = &records[n];
    char count[32];
    call_size = 0;
    add(count, snprintf(count, sizeof count, "*%ld\r\n", record_head.words + runs * record->words));
    add(record_head.bytes, record_head.size);
    for (long run = 0; run < runs; run++) {
      /* The first of the three words of a run begins with its id and its token; format 1 answers a list of them. */
      const char *job, *token;
      if (is_list) {
        job = first[run]->element[0]->str;
        token = first[run]->element[1]->str;
        if (strlen(token) != strlen(TOKEN)) fail("a claim of another form");
      } else {
        job = first[3 * run]->str;
        token = job + strlen(JOB) + 1;
        if (token[-1] != ' ' || token[strlen(TOKEN)] != ' ') fail("a claim of another form");
      }
      for (int i = 0; i < record->job_count; i++) memcpy(record->bytes + record->jobs[i], job, strlen(JOB));
      for (int i = 0; i < record->token_count; i++) memcpy(record->bytes + record->tokens[i], token, strlen(TOKEN));
      add(record->bytes, record->size);
    }
    redisAppendFormattedCommand(redis, call, call_size);
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
  long runs = 0;
  if (reply->element[reply->elements - 1]->type == REDIS_REPLY_ARRAY) {
    for (size_t i = 0; i < reply->elements; i++) runs += reply->element[i]->type == REDIS_REPLY_ARRAY;
  } else if (reply->elements > 5) {
    runs = ((long)reply->elements - 5) / 3;
  }
  send_records(reply, runs);
  freeReplyObject(reply);
  return runs;
}

static void take_records(long runs) {
  for (int n = 0; n < record_count && runs > 0; n++) {
    redisReply *reply = next_reply();
    if ((long)reply->elements != runs + 1) fail("an answer to records of another form");
    for (long run = 1; run <= runs; run++)
      if (!reply->element[run]->str || strcmp(reply->element[run]->str, "recorded")) fail("a record was refused");
    freeReplyObject(reply);
  }
  finished += runs;
}

int main(int count, char **arguments) {
  if (count < 5 || count - 4 > MAX_RECORDS) return 64;
  redis = redisConnectUnix(arguments[1]);
  if (!redis || redis->err) fail("Redis does not answer");
  claim_command = read_template(arguments[2]);
  if (!claim_command.claim_count) fail("the claim's template has no place for its id");
  record_head = read_template(arguments[3]);
  for (int i = 4; i < count; i++) records[record_count++] = read_template(arguments[i]);

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
