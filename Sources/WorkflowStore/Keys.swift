/// Every key that wf writes, with its type and lifetime. The prefix is `wf:` unless configured. Of several partitions
/// (``Partitions``) each has all of these keys under its own prefix, `wf:{0}:` and so on; only `partitions` and those of
/// the inbox are without. take.lua touches the inbox and the keys of its runs' partitions, which one Redis allows. A
/// Redis Cluster does not: there each partition has `partitions` and the keys of the inbox as well, and from the public
/// `inbox` entries are moved to that of their partition; the worker that does so holds
/// `wf:inbox:turn:{wf:inbox}`, which is in the slot of that list.
///
/// ```
/// public (the page Contract, under "Redis")
///   job:{id}           hash    facts: status, run_name, times, error; wf's own: format, `run` (class,      run + retain
///                              bytes of docs, request id, owner or `-`, generation; of a finished run
///                              class and digest of its steps), `generation`, `bytes` (of the log, at the end of all that a
///                              reader reads), `again` (once it was held: claims, crashes in a row, deaths
///                              in a row before a record, last time, bytes of the log), `end` (token and
///                              number of the record that ended the last claim), `due` (until when it waits
///                              or waited among the timers), `wait` (ms that it waited the last time), and
///                              what the run says of itself: `delay`, `limit`, `retain`, `priority`,
///                              `labels`; `owner` (the name of its API key) and `kept` (hour and bytes of its
///                              end in usage:{owner}); `reopened` (the last request that ran it again),
///                              `reopened_ts` (when); `entry` (1: it may have left one in a long queue); `schedule` (tick and name of
///                              the schedule that has started it); `trace` (traceparent and tracestate that
///                              it came with). No value but run_name, error, labels, schedule and a tracestate
///                              has more than 64 bytes, so that Redis keeps it compact
///   progress:{id}      list    JSON entries in order                                                     run + retain
///   result:{id}        string  JSON, written when it finishes, from its documents                       retain
///   store:{namespace}  list    JSON {job_id, step, data}, the newest WF_STORE_MAX_ITEMS                  retain after
///                                                                                                        last append
///   stores:{owner}:{namespace}                                                                           the same
///                      list    the same of runs with an owner
///   inbox              list    JSON {job_id, body} of clients, until a worker takes it                   until taken
///   inbox:refused      list    JSON {ts, reason, bytes, entry}: what is no entry, the newest 1,000         retain after
///                                                                                                        last append
/// wf's own, of the inbox
///   inbox:waiting      list    since when, ms, and the entry: its operations may be another worker's      10 s
///   inbox:turn         string  the worker that reads the inbox                                            2 s
/// wf's own, of one run
///   docs:{id}          string  bytes of the steps (8 digits), the steps, the inputs, as submitted (JSON) until it has
///   outputs:{id}       hash    per recorded step `out:{step}`, `stored:{step}` (JSON), `place:{step}`,   finished; of a
///                              or `end:{step}` if it was skipped or has failed; `try:{step}` while
///                              it is to be attempted again; of items `item:{step}:{n}`, `try:{step}:{n}`;
///                              a document above 512 KiB is `/3` there, and lies in `out:{step}/0` …      failed run:
///   part:{id}          string  the beginning of a result that is written in slices                       run + retain
///   claim:{worker}     string  the worker's last claim and the runs that it took                         4 leases
///   idempotency:{key}  string  job id and digest of the body; of a run with an owner `{owner},{key}`      24 h
///   texts:{id}         hash    step or item → claim and attempt whose text a model is writing            1 h after the
///   text:{id}:{step}, text:{id}:{step}:{n}                                                               last piece
///                      string  that text, so far
/// wf's own, of the names of API keys
///   usage:{owner}      hash    what the runs of the name take: `runs` and `bytes` of the live ones; by hour     while runs live;
///                              since 1970, bytes of the ended ones that expire in it                     then the last hour
/// wf's own, of schedules; those of a name are in the partition that the name's hash says
///   schedules          zset    name of each schedule → when it is due next, s; `inf`: never                until the last
///                                                                                                        is removed
///   schedule:{name}    hash    generation (a UUID, another one after it was removed), spec (times and    until removed
///                              policies, JSON), rule, next, `fired` (the last ticks), job (of the last
///                              one), runs, skipped, created_ts, and the run to submit: head, run_name,
///                              documents, needs, options; body (as submitted, JSON)
/// wf's own, in a Redis Cluster with WF_WAIT_REPLICAS
///   replicas           string  empty: what is written before WAIT                                         60 s
/// wf's own, of callbacks
///   callbacks          zset    id of each callback that is not delivered → when it is due, ms; while it    until delivered
///                              is being sent, the end of that lease                                      or dead
///   callbacks:dead     zset    id of each callback that was given up → when, ms; the newest 10,000          retain after last
///   callback:{id}      hash    job, url, host (authority of the url), what the body says (status,        until delivered
///                              run_name, finished_ts, labels, error_code, error), trace, created_ts, attempts,  or dead, then
///                              token (of the lease), wait (ms that it was put off), last_ts,              retain
///                              last_status, last_error, delivered_ts, dead_ts
/// wf's own, of models: all in the first partition
///   model:{name}       hash    until when it is left alone, µs: `cooldown`; `requests` and `tokens` (when the next one is due by the limits, µs);   the last call
///                              broken (failed calls in a row), why (how the last of them failed), rounds (times
///                              that it was left alone), took (ms), `kept` (until when a place is for those that wait, µs)
///   modelcalls:{name}  zset    id of each call under way → when it counts as abandoned, µs               the same
///   modelturns:{name}  zset    id of each call that waits → its turn, µs                                  1 h after that
///   spent:{id}         hash    what a run has used of models: booked (billionths) in all; calls, failed, input,  2 retain after
///                              cached, output, reasoning, cost, estimated (calls whose cost is the most that    the last call
///                              it may be, also while they are under way), each `:{step}`; `r:{call}` while
///                              one is under way: nonce, end of its lease (µs), amount or `-`, day
///   reserved:{owner}   hash    of an owner whose spending a day is limited: the same `r:{call}`               2 days
///   spending:{day}     hash    day since 1970: calls, failed, input, cached, output, reasoning (tokens),      100 days
///                              cost and estimated, each `:{owner}:{model}`; `spent:{owner}`; owner `-` without keys
///   modelcache:{digest}
///                      string  an answer of a model, JSON, by the SHA-256 of owner, model and request         `cache_s`
/// wf's own, of all runs
///   queue:{format}:{class}:normal                                                                        while queued
///                      list    ids of queued runs of a class; head = next
///   suspects:{format}:{class}                                                                            while queued
///                      list    ids of queued runs whose next crash would end them
///   classes            hash    class → what its runs require: operations, fields, a priority. A worker   for good
///                              takes runs of the classes whose requirements it has
///   timers             zset    id of each parked run (a retry, a delayed start) → when it goes back to    while parked
///                              its queue, ms; its status is `queued`, and it is in no queue
///   deadlines          zset    id of each run with a time limit → its end, ms                            while it lives
///   paused             hash    id of each paused run → 1; its job says it too                             while paused
///   holds              hash    id of each started run → its hold: token, seq, … (holds.lua)              while started
///   leases             zset    id of each started run → end of its lease, ms                             while started
///   live               zset    id of each queued or started run → when it was submitted, µs              while it is one
///   elected            string  the worker that becomes empty for suspects                                one lease
///   workers            zset    worker id → until when it counts as alive, ms; a lease after a heartbeat  1 h after that
///   lease_lengths      hash    worker id → length of its lease, ms                                       as in workers
///   idle               zset    worker id → since when it has had room and found nothing queued, ms       a lease after last
///   serves             hash    idle worker → how many classes it knows, and those that it serves         as idle
///   worker:{id}        hash    of a live worker: about (JSON), since, abilities (the digest), runs (held),      lease + 2 s
///                              state, drain (1: it is to take no runs); in the first partition only
///   abilities:{digest} string  what workers announce, JSON: operations with the schemas of their          lease + 2 s
///                              parameters, fields; in the first partition only
///   recovery           hash    when workers last looked for lapsed leases and lost runs, and who         1 h after last
///   dead               zset    id of each run that took down too many workers → when, ms; newest 10,000   retain
///   repairs            hash    what was found broken and was repaired → how often                        for good
///   fallbacks          hash    minute of the hour → the minute since 1970 and the placeholders         1 h after the last
///                              that replaced a model's words in it, as `29412345:7`
///   metrics            hash    what is counted of each partition and, in the first one, of all processes: family      for good
///                              and labels, with colons between them → the sum; 20,000 fields at most
///   metrics:{process}  string  the number of the last portion that a process has added; in the first             1 day
///                              partition only
///   database           string  a random id: where it is gone, all else that wf wrote is gone too             for good
///   partitions         string  among how many partitions the runs are divided; data without it are one        for good
///   runs:{hour}        list    ids of the runs of an hour since 1970, in the order of submission; the      run + retain
///   runs:{hour}:name:{name}, runs:{hour}:owner:{owner}, runs:{hour}:label:{name}={value}                 + 2 h
///                      list    the same of runs with this name, owner or label
///   ended:{hour}:{status}, ended:{hour}:{status}:owner:{owner}                                           the same
///                      list    ids of the runs that have failed or were cancelled in an hour, with their
///                              generation from the second one on
///   ended:{hour}:again hash    status → how many of these were run again                                 the same
///   runs, ended        zset    the hours that have lists → the hour                                      for good
///   definition:{digest}
///                      string  the steps of finished runs, by the beginning of their SHA-256: a rerun    retain after
///                              needs them                                                               the last end
///   reopen:{id}:{wish} hash    the outputs that a finished run keeps when it is run again; each request  10 minutes
///                              stores its own
///   reopen_docs:{id}:{wish}
///                      string  its steps and inputs: both until they become outputs and docs             10 minutes
/// channels (publish/subscribe: a lost message costs time only, as all that it says is in keys, too)
///   wake:{worker}      empty: a run was enqueued for this idle worker
///   control:{worker}   `lost` or `pause`, id and token of a run that this worker holds; or `look`: whether it is to take
///                      runs has been changed
///   events:{id}        empty, or a status: something was written to the run; `text` with attempt, offset and step or
///                      `step:item`, and behind a line feed the next piece of a text that a model writes; `over` with
///                      step or `step:item`: that text has ended
/// ```
/// A retained key expires `WF_RETAIN_S` after its run's end; a run that has not ended is owned by a queue or a hold. The
/// scripts that take a run from state to state:
/// ```
///            submit, tick, take    claim                 record
///   (none) ─────────▶ queued ───────────────▶ started ───────────────▶ finished | failed
///                       ▲  ▲      hold, lease   │  │                         ▲
///                       │  └── record, heartbeat ┘  └── recover (last crash) ─┘
///                       └────── recover, upgrade ── lease lapsed, run of an older format
/// ```
/// User-given names come last in a key, each after a word of its own, so they collide with nothing.
public struct Keys: Sendable, Equatable {
  /// What every key starts with.
  public let prefix: String

  /// Keys under a prefix.
  public init(prefix: String = "wf:") { self.prefix = prefix }

  func job(_ id: JobID) -> String { prefix + "job:" + id.description }
  func progress(_ id: JobID) -> String { prefix + "progress:" + id.description }
  func result(_ id: JobID) -> String { prefix + "result:" + id.description }
  func documents(_ id: JobID) -> String { prefix + "docs:" + id.description }
  func outputs(_ id: JobID) -> String { prefix + "outputs:" + id.description }
  func texts(_ id: JobID) -> String { prefix + "texts:" + id.description }
  /// The beginning of the keys of a run's texts; the name of a step or of an item follows.
  func textStart(_ id: JobID) -> String { "\(prefix)text:\(id):" }
  var runs: String { "\(prefix)runs" }
  var endedRuns: String { "\(prefix)ended" }
  func definition(_ digest: String) -> String { "\(prefix)definition:\(digest)" }
  func reopenedOutputs(_ id: JobID, by wish: JobID) -> String { prefix + "reopen:\(id):\(wish)" }
  func reopenedDocuments(_ id: JobID, by wish: JobID) -> String { prefix + "reopen_docs:\(id):\(wish)" }
  func store(_ namespace: String, of owner: String? = nil) -> String {
    owner.map { "\(prefix)stores:\($0):\(namespace)" } ?? "\(prefix)store:\(namespace)"
  }
  func namespace(ofStore key: String) -> String? {
    let words = key.utf8.dropFirst(prefix.utf8.count).split(
      separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2 else { return nil }
    // An owner's name has no colon.
    let isOwned = words[0].elementsEqual("stores".utf8)
    return String(decoding: isOwned ? words[1].drop { $0 != UInt8(ascii: ":") }.dropFirst() : words[1], as: UTF8.self)
  }
  func claim(_ worker: String) -> String { "\(prefix)claim:\(worker)" }
  func worker(_ id: String) -> String { "\(prefix)worker:\(id)" }
  func abilities(_ digest: String) -> String { "\(prefix)abilities:\(digest)" }
  func idempotency(_ key: String) -> String { "\(prefix)idempotency:\(key)" }
  func usage(of owner: String) -> String { "\(prefix)usage:\(owner)" }
  func schedule(_ name: String) -> String { "\(prefix)schedule:\(name)" }
  func callback(_ id: String) -> String { "\(prefix)callback:\(id)" }
  func model(_ name: String) -> String { "\(prefix)model:\(name)" }
  func modelCalls(_ name: String) -> String { "\(prefix)modelcalls:\(name)" }
  func modelTurns(_ name: String) -> String { "\(prefix)modelturns:\(name)" }
  func spent(by run: String) -> String { "\(prefix)spent:\(run)" }
  func reserved(by owner: String?) -> String { "\(prefix)reserved:\(owner ?? "-")" }
  func spending(day: Int) -> String { "\(prefix)spending:\(day)" }
  func modelCache(_ digest: String) -> String { "\(prefix)modelcache:\(digest)" }
  var callbacks: String { "\(prefix)callbacks" }
  var deadCallbacks: String { "\(prefix)callbacks:dead" }
  var schedules: String { "\(prefix)schedules" }
  var classes: String { "\(prefix)classes" }
  var holds: String { "\(prefix)holds" }
  var elected: String { "\(prefix)elected" }
  var live: String { "\(prefix)live" }
  var idle: String { "\(prefix)idle" }
  var serves: String { "\(prefix)serves" }
  var recovery: String { "\(prefix)recovery" }
  var leases: String { "\(prefix)leases" }
  var timers: String { "\(prefix)timers" }
  var deadlines: String { "\(prefix)deadlines" }
  var paused: String { "\(prefix)paused" }
  var workers: String { "\(prefix)workers" }
  var leaseLengths: String { "\(prefix)lease_lengths" }
  var dead: String { "\(prefix)dead" }
  var repairs: String { "\(prefix)repairs" }
  var fallbacks: String { "\(prefix)fallbacks" }
  var metrics: String { "\(prefix)metrics" }
  func metrics(of process: String) -> String { "\(prefix)metrics:\(process)" }
  var database: String { "\(prefix)database" }
  var partitions: String { "\(prefix)partitions" }
  var inbox: String { "\(prefix)inbox" }
  var inboxRefused: String { "\(prefix)inbox:refused" }
  var inboxWaiting: String { "\(prefix)inbox:waiting" }
  var inboxTurn: String { "\(prefix)inbox:turn" }
  /// The same of the public list where the partitions are on several servers: in the slot of that list.
  var inboxForwardingTurn: String { "\(prefix)inbox:turn:{\(inbox)}" }

  /// The lists where queued runs of older versions wait, and runs that a worker of format 1 has put back.
  var formerQueues: [(key: String, asSuspect: Bool)] {
    ["1", "2"].flatMap { [("\(prefix)queue:\($0)", false), ("\(prefix)suspects:\($0)", true)] }
  }

  /// The keys that all runs share.
  var shared: [String] {
    [
      classes, holds, elected, live, idle, serves, recovery, leases, timers, deadlines, paused, workers, leaseLengths,
      dead,
      repairs, fallbacks, metrics, database, schedules, callbacks, deadCallbacks,
    ]
  }

  /// The channel on which a worker is woken when it is idle.
  public func wakeChannel(of worker: String) -> String { "\(prefix)wake:\(worker)" }
  /// The channel on which a worker learns that a run which it holds has ended or is another's.
  public func controlChannel(of worker: String) -> String { "\(prefix)control:\(worker)" }
  /// The channel that says that a run has something new.
  public func eventsChannel(_ id: JobID) -> String { "\(prefix)events:\(id)" }
}
